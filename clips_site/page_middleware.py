"""Django's middleware for pages; requests that read what is public have no session."""

from typing import Any

from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest
from django.middleware import common
from rest_framework.permissions import SAFE_METHODS

EDITORS_PATHS = ("/admin/", "/api/v1/webhooks")  # that are not public


def reads_public(request: HttpRequest) -> bool:
    """Return whether the request reads what anyone may: no session is used."""
    is_public = not request.path_info.startswith(EDITORS_PATHS)
    return request.method in SAFE_METHODS and is_public


class _ForSessions:
    """Skips the middleware that comes next in the bases for requests that read what is public."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if reads_public(request):
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
