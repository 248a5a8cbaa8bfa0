"""Compression and revalidation of what the public reads without signing in."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.utils.cache import get_conditional_response, patch_vary_headers

from library.api.etags import digest_of
from library.api.negotiation import SMALLEST, accepts_gzip, compressed

View = Callable[..., HttpResponseBase]


def public(view: View) -> View:
    """Return a view whose responses of 200 are compressed, and confirmed by a 304 if unchanged.

    The tag is a hash of the body. A page with a CSRF token is left as it is: it differs each time,
    and compression would reveal the token where the page also shows input (BREACH).
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if isinstance(response, SimpleTemplateResponse):
            response.render()
        if response.status_code != 200 or response.streaming or _has_token(request):
            return response
        return delivered(request, cast(HttpResponse, response))

    return answer


def delivered(request: HttpRequest, response: HttpResponse) -> HttpResponseBase:
    """Return a response of 200 with a tag and compressed, or a 304 or 412 in its place."""
    body = response.content
    coded = len(body) >= SMALLEST and accepts_gzip(request.META.get("HTTP_ACCEPT_ENCODING"))
    response["ETag"] = f'"{digest_of(body)}{"-gzip" if coded else ""}"'
    response.headers.setdefault("Cache-Control", "no-cache")
    patch_vary_headers(response, ("Accept-Encoding",))
    found = get_conditional_response(request, etag=response["ETag"], response=response)
    if found is not None and found is not response:
        # A field of a 304 replaces the one that the browser has kept.
        if getattr(response, "xframe_options_exempt", False):
            found.xframe_options_exempt = True
        return found
    if coded:
        response.content = compressed(body)
        response["Content-Encoding"] = "gzip"
    return response


def _has_token(request: HttpRequest) -> bool:
    """Return whether the view has made a CSRF token for its page."""
    return "CSRF_COOKIE_NEEDS_UPDATE" in request.META
