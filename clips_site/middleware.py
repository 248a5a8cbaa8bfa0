"""Middleware of the whole site."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import is_valid_path

Handler = Callable[[HttpRequest], HttpResponseBase]


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
        if response.status_code == 404 and request.path_info.endswith("/"):
            path = "/" + request.path_info.strip("/")  # never `//host`: that would leave the site
            if path != "/" and is_valid_path(path):
                query = request.META.get("QUERY_STRING")
                target = f"{path}?{query}" if query else path
                return HttpResponse(status=308, headers={"Location": target})
        return response
