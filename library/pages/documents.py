"""Pages about the API, and the icon."""

from secrets import token_urlsafe
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.templatetags.static import static
from django.views.generic import TemplateView

from library.content_policy import policy_header


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


def favicon(_: HttpRequest) -> HttpResponse:
    """GET /favicon.ico, which browsers request where no page names an icon."""
    day = {"Cache-Control": "public, max-age=86400"}
    return HttpResponseRedirect(static("library/favicon.ico"), headers=day)
