"""Pages for the public."""

from secrets import token_urlsafe
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.generic import TemplateView

from library.content_policy import policy_header
from library.models import Clip, Part
from library.renditions.variants import DEFAULT_PREVIEW

CLIPS_SHOWN = 100


class Redoc(TemplateView):
    """GET /redoc. Redoc adds styles, so each response has a nonce; its search runs in a worker."""

    template_name = "library/pages/redoc.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        nonce = token_urlsafe(16)
        response = self.render_to_response(self.get_context_data(nonce=nonce))
        own = {"style-src": f"'self' 'nonce-{nonce}'", "worker-src": "blob:"}
        response["Content-Security-Policy"] = policy_header(settings.PAGE_CSP | own)
        response["Cache-Control"] = "no-store"  # a nonce is for one response
        return response


class Listen(TemplateView):
    """GET /: a page that plays the newest clips."""

    template_name = "library/pages/listen.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        clips = Clip.objects.available().order_by("-id")[:CLIPS_SHOWN]
        oldest_first = sorted(clips, key=lambda clip: clip.pk)
        only_previews = settings.CLIPS_PUBLISH == Part.PREVIEW
        if only_previews:
            for clip in oldest_first:
                made = DEFAULT_PREVIEW.listed_in(clip.renditions)
                clip.duration = made["duration"] if made else clip.duration
        return super().get_context_data(clips=oldest_first, only_previews=only_previews, **kwargs)
