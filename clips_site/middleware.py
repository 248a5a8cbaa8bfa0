"""Middleware of the whole site."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_resolver, is_valid_path, resolve

Handler = Callable[[HttpRequest], HttpResponseBase]

PROBES = frozenset(("/livez", "/readyz", "/metrics"))


class ProbeMiddleware:
    """Answers health checks and Prometheus whatever host they name.

    They come by the address of a container or pod, which DJANGO_ALLOWED_HOSTS cannot list; their
    answers hold nothing that depends on the host.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a probe, pass on all else."""
        if request.path_info in PROBES:
            match = request.resolver_match = resolve(request.path_info)
            response: HttpResponseBase = match.func(request)
            return response
        return self.get_response(request)


class BackOfficeHeadersMiddleware:
    """Of the pages of the back office: what they may load, and that no cache keeps them."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self._policy = "; ".join(
            f"{directive} {sources}" for directive, sources in settings.BACK_OFFICE_CSP.items()
        )

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on, and add to what comes back from under /admin/."""
        response = self.get_response(request)
        if request.path_info.startswith("/admin/"):
            response.headers.setdefault("Content-Security-Policy", self._policy)
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class BodyLimitMiddleware:
    """Refuses a body that is larger than any may be.

    Django writes an upload to a temporary file before a view, or who is asked to log in, judges it:
    without this anybody fills the disk. A body in chunks is not read at all.
    """

    MOST = max(settings.CLIPS_AUDIO_MAX_BYTES, 10_000_000) + 1_000_000  # audio or import, and text

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """413, or pass it on."""
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > self.MOST:
            refuse: Callable[..., HttpResponseBase] = get_resolver().resolve_error_handler(400)
            return refuse(request, exception=RequestDataTooBig())
        return self.get_response(request)


class NoTrailingSlashMiddleware:
    """Answers 308 where only a trailing slash keeps a path from being found.

    308 (RFC 9110, 15.4.9) keeps the method and the body, so a POST survives it. It costs nothing
    on requests that are found.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on, and look again only if nothing was found."""
        response = self.get_response(request)
        # Paths of the back office end with one: it would lead there again, and so on without end.
        ours = not request.path_info.startswith("/admin/")
        if ours and response.status_code == 404 and request.path_info.endswith("/"):
            path = "/" + request.path_info.strip("/")  # never `//host`: that would leave the site
            if path != "/" and is_valid_path(path):
                query = request.META.get("QUERY_STRING")
                target = f"{path}?{query}" if query else path
                return HttpResponse(status=308, headers={"Location": target})
        return response
