"""GET /embed/{id}: a player for pages of other sites, the only page that they may frame."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.generic import View

from library.content_policy import policy_header
from library.pages.cards import cards_of
from library.pages.visible import GONE, visible_clip
from library.plays.request import referring_host

THEMES = ("auto", "light", "dark")
# `*` includes no local files, in which people try the code out.
_ANCESTORS = {"frame-ancestors": "* file:"}
_HEADERS = {
    "Content-Security-Policy": policy_header(settings.PAGE_CSP | _ANCESTORS),
    # Its requests for the stream would name this page, and not the one that embeds it, and those
    # of a sandboxed frame have no Referer in any case.
    "Referrer-Policy": "no-referrer",
    # The response depends on the embedding page.
    "Cache-Control": "private, no-cache",
    "X-Robots-Tag": "noindex",
}


@method_decorator(xframe_options_exempt, name="dispatch")
class Embed(View):
    """GET /embed/{id}, with `theme`."""

    def get(self, request: HttpRequest, pk: str) -> HttpResponseBase:
        theme = request.GET.get("theme") or THEMES[0]
        if theme not in THEMES:
            message = f"theme can't have this value. Use one of: {', '.join(THEMES)}."
            return _refused(request, 400, THEMES[0], message)
        try:
            clip = visible_clip(pk)
        except Http404:
            return _refused(request, 404, theme, "There is no clip at this address.")
        except GONE as error:
            return _refused(request, error.status_code, theme, str(error.detail))
        [card] = cards_of([clip])
        host = referring_host(request.headers.get("Referer", ""))
        if host:
            stream = f"{card.stream_path}?{urlencode({'embedded_in': host})}"
            card = replace(card, stream_path=stream)
        return _page(request, 200, theme, "library/pages/embed.html", {"card": card})


def _refused(request: HttpRequest, status: int, theme: str, message: str) -> HttpResponse:
    """Return a page that fits a frame, and says why there is no player."""
    context = {"message": message}
    return _page(request, status, theme, "library/pages/embed_error.html", context)


def _page(
    request: HttpRequest, status: int, theme: str, template: str, context: dict[str, Any]
) -> HttpResponse:
    response = render(request, template, context | {"theme": theme}, status=status)
    for name, value in _HEADERS.items():
        response[name] = value
    return response
