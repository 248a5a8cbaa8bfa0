"""Paths below /api/v1; none ends with a slash."""

from rest_framework.routers import SimpleRouter

from library.api.views import ClipViewSet

router = SimpleRouter(trailing_slash=False)
router.register("clips", ClipViewSet, basename="clip")
urlpatterns = router.urls
