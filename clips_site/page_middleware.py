"""Django's middleware for pages, left out where a request reads the API and so needs no session."""

from typing import Any

from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest
from django.middleware import common
from rest_framework.permissions import SAFE_METHODS

API_PATHS = ("/api/", "/openapi")
EDITORS_PATHS = ("/api/v1/webhooks",)  # that are not public


def reads_api(request: HttpRequest) -> bool:
    """Return whether the request reads what anyone may: no session is used."""
    path = request.path_info
    reads = request.method in SAFE_METHODS and path.startswith(API_PATHS)
    return reads and not path.startswith(EDITORS_PATHS)


class _ForSessions:
    """Skips the middleware that comes next in the bases for requests that read the API."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if reads_api(request):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class SessionMiddleware(_ForSessions, sessions.SessionMiddleware):
    """Adds `request.session`."""


class AuthenticationMiddleware(_ForSessions, auth.AuthenticationMiddleware):
    """Adds `request.user`."""


class MessageMiddleware(_ForSessions, messages.MessageMiddleware):
    """Keeps messages for the next page."""


class CommonMiddleware(common.CommonMiddleware):
    """Checks the host, adds Content-Length, and redirects to paths with a slash."""

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        """Look up only paths of the back office: no other ends with a slash."""
        in_back_office = request.path_info.startswith("/admin/")
        return in_back_office and super().should_redirect_with_slash(request)
