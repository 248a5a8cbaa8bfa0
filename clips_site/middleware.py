"""Middleware of the whole site."""

import re
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_resolver, is_valid_path, resolve

from library.content_policy import policy_header

Handler = Callable[[HttpRequest], HttpResponseBase]

READING = ("GET", "HEAD", "OPTIONS")
PROBES = frozenset(("/livez", "/readyz", "/metrics"))
REPORT = re.compile(r"/clips/[0-9]{1,18}/report")  # the only form for the public


class Middleware:
    """Calls `get_response` for the rest of the chain."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)


class ProbeMiddleware(Middleware):
    """Answers health checks and Prometheus under any host name.

    They use the address of a container or pod, which DJANGO_ALLOWED_HOSTS cannot list. Their
    responses do not depend on the host.
    """

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info in PROBES:
            if response := _without_method(request, READING):
                return response
            match = request.resolver_match = resolve(request.path_info)
            answered: HttpResponseBase = match.func(request)
            return answered
        return self.get_response(request)


class MethodMiddleware(Middleware):
    """Answers methods that pages do not have with 405, and OPTIONS with those they have.

    Otherwise the CSRF check would refuse some, and views would take others for GET. The views of
    the API decide themselves.
    """

    def process_view(self, request: HttpRequest, *_: object) -> HttpResponseBase | None:
        if request.path_info.startswith(("/api/", "/openapi")):
            return None
        path = request.path_info
        has_form = path.startswith("/admin/") or REPORT.fullmatch(path)
        return _without_method(request, (*READING, "POST") if has_form else READING)


def _without_method(request: HttpRequest, allowed: tuple[str, ...]) -> HttpResponseBase | None:
    """Return the response to OPTIONS or to a method that is not allowed, else None."""
    if request.method in allowed and request.method != "OPTIONS":
        return None
    from library.api.handlers import method_not_allowed  # when Django has been set up

    return method_not_allowed(request, allowed)


class PageHeadersMiddleware(Middleware):
    """Adds a Content-Security-Policy to pages, and keeps those of the back office from caches."""

    def __init__(self, get_response: Handler) -> None:
        super().__init__(get_response)
        self._of_back_office = policy_header(settings.BACK_OFFICE_CSP)
        self._of_public = policy_header(settings.PAGE_CSP)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.path_info.startswith("/admin/"):
            response.headers.setdefault("Content-Security-Policy", self._of_back_office)
            response.headers.setdefault("Cache-Control", "no-store")
        elif response.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Security-Policy", self._of_public)
        return response


LISTENS = re.compile(r"/api/v1/clips/[0-9]{1,18}/listens")


class BeaconMiddleware(Middleware):
    """Lets pages of any site send reports of listens with `navigator.sendBeacon`.

    Browsers send beacons with cookies. So they need a permission for credentials, which `*` is not.
    The view ignores cookies.
    """

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        origin = request.headers.get("Origin")
        if origin and LISTENS.fullmatch(request.path_info):
            response["Access-Control-Allow-Origin"] = origin
            response["Access-Control-Allow-Credentials"] = "true"
        return response


# Audio or an import, and the other fields of the form.
LARGEST_BODY = max(settings.CLIPS_AUDIO_MAX_BYTES, settings.CLIPS_IMPORT_MAX_BYTES) + 1_000_000


# Requests of the API whose body is audio, or a form with audio.
_NEW_CLIP, _AUDIO = "/api/v1/clips", re.compile(r"/api/v1/clips/[0-9]{1,18}/audio")
FORM_BYTES = 1_000_000  # of a form beside its audio


def is_upload(method: str, path: str, content_type: str) -> bool:
    """Return whether the API takes the body of such a request for an upload."""
    if method == "POST":
        return path == _NEW_CLIP and content_type.lower().startswith("multipart/form-data")
    return method == "PUT" and _AUDIO.fullmatch(path) is not None


def body_limit(path: str, method: str = "", content_type: str = "") -> int:
    """Return how many bytes the body of a request may have."""
    if LISTENS.fullmatch(path):
        listen: int = settings.CLIPS_LISTEN_MAX_BYTES
        return listen
    if REPORT.fullmatch(path):
        report: int = settings.CLIPS_REPORT_MAX_BYTES
        return report
    if path.startswith("/admin/"):
        return LARGEST_BODY
    if is_upload(method, path, content_type):
        audio: int = settings.CLIPS_AUDIO_MAX_BYTES
        return audio if method == "PUT" else audio + FORM_BYTES
    limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return limit


class BodyLimitMiddleware(Middleware):
    """Rejects a body that is larger than any allowed upload or import, or than JSON may be.

    Django writes an upload to a temporary file before a view can reject it or ask for a log-in, so
    anyone could fill the disk. Django never reads a chunked body.
    """

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        kind = request.META.get("CONTENT_TYPE", "")
        limit = body_limit(request.path_info, request.method or "", kind)
        if length.isdecimal() and int(length) > limit:
            refuse: Callable[..., HttpResponseBase] = get_resolver().resolve_error_handler(400)
            return refuse(request, exception=RequestDataTooBig(limit))
        return self.get_response(request)


class NoTrailingSlashMiddleware(Middleware):
    """Redirects to the path without a trailing slash if only the slash causes a 404.

    The status is 308 (RFC 9110, 15.4.9), which keeps the method and the body of a POST. Requests
    that are found cost nothing.
    """

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        # The paths of the back office end with a slash: a redirect would loop.
        outside = not request.path_info.startswith("/admin/")
        if outside and response.status_code == 404 and request.path_info.endswith("/"):
            path = "/" + request.path_info.strip("/")  # `//host` would redirect to another site
            if path != "/" and is_valid_path(path):
                query = request.META.get("QUERY_STRING")
                target = f"{path}?{query}" if query else path
                return HttpResponse(status=308, headers={"Location": target})
        return response
