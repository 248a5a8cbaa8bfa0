"""Paths below /api/v1. None ends with a slash."""

from django.urls import path, re_path
from rest_framework.routers import SimpleRouter

from library.api.statistics import ClipStatistics, LibraryStatistics
from library.api.views import ClipViewSet

router = SimpleRouter(trailing_slash=False)
router.register("clips", ClipViewSet, basename="clip")
urlpatterns = [
    *router.urls,
    re_path(r"^clips/(?P<pk>[0-9]{1,18})/stats$", ClipStatistics.as_view(), name="clip-stats"),
    path("stats", LibraryStatistics.as_view(), name="stats"),
]
