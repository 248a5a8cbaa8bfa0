"""Paths below /api/v1. None ends with a slash."""

from django.urls import path, re_path
from rest_framework.routers import SimpleRouter

from library.api.changes import Changes
from library.api.facets import Facets
from library.api.listens import Listens
from library.api.statistics import ClipsStatistics, ClipStatistics, LibraryStatistics
from library.api.suggestions import Suggest
from library.api.views import ClipViewSet
from library.api.waveforms import Waveform, WaveformPNG, WaveformSVG
from library.api.webhooks import WebhookViewSet

CLIP = r"^clips/(?P<pk>[0-9]{1,18})"
router = SimpleRouter(trailing_slash=False)
router.register("clips", ClipViewSet, basename="clip")
router.register("webhooks", WebhookViewSet, basename="webhook")
urlpatterns = [
    *router.urls,
    re_path(rf"{CLIP}/listens$", Listens.as_view(), name="clip-listens"),
    re_path(rf"{CLIP}/stats$", ClipStatistics.as_view(), name="clip-stats"),
    re_path(rf"{CLIP}/waveform$", Waveform.as_view(), name="clip-waveform"),
    re_path(rf"{CLIP}/waveform\.svg$", WaveformSVG.as_view(), name="clip-waveform-svg"),
    re_path(rf"{CLIP}/waveform\.png$", WaveformPNG.as_view(), name="clip-waveform-png"),
    path("changes", Changes.as_view(), name="changes"),
    path("facets", Facets.as_view(), name="facets"),
    path("stats", LibraryStatistics.as_view(), name="stats"),
    path("suggest", Suggest.as_view(), name="suggest"),
    path("stats/clips", ClipsStatistics.as_view(), name="clips-stats"),
]
