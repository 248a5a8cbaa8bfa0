"""Authentication of editors, by a bearer token or a session of the back office, and permissions."""

from copy import copy
from typing import Any

from django.conf import settings
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from library.access import second_factor
from library.api.early_look import is_form
from library.api.errors import CSRFFailed, InvalidToken, PermissionMissing, SecondFactorMissing
from library.api.throttles import token_guesses
from library.models import ApiToken
from library.models.token import secret_digest

EDITORS_NEED = {
    "create": "library.add_clip",
    "bulk": "library.add_clip",
    "partial_update": "library.change_clip",
    "replace_audio": "library.change_clip",
    "destroy": "library.delete_clip",
}
# To anyone if CLIPS_API_WRITES is `open`, except for uploads.
OPEN = frozenset(("create", "bulk"))


class CountedRequests:
    """A base of views: each request counts towards the limits, also one that is refused.

    REST framework counts requests last, so those that it refuses before would have no limit. They
    count for the client's address. A request that a database error ends is not counted.
    """

    def perform_authentication(self, request: Request) -> None:
        """Authenticate the request, and count it. Raises Throttled, or the error it has."""
        try:
            super().perform_authentication(request)  # type: ignore[misc]
        except APIException:
            super().check_throttles(request)  # type: ignore[misc]
            raise
        # After other errors, `request.user` would authenticate once more, and wait once more.
        super().check_throttles(request)  # type: ignore[misc]

    def check_throttles(self, request: Request) -> None:
        """Do nothing: `perform_authentication` has counted the request."""


class BearerAuthentication(BaseAuthentication):
    """Reads `Authorization: Bearer <token>` (RFC 6750) and ignores other schemes."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        scheme, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        secret = secret.strip()
        digest = secret_digest(secret)
        token_guesses.check(request, digest)
        tokens = ApiToken.objects.in_force().of_secret(secret)
        token = tokens.select_related("user").first()
        if token is None:
            token_guesses.count(request, digest)
            raise InvalidToken
        token_guesses.accept(digest)
        token.note_use()
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="clips"'


class EditorSession(SessionAuthentication):
    """Accepts a session of the back office, for Swagger UI. Without its cookie there is no query.

    The session needs its second factor. A token needs none: it was created in a session that had
    one, and programs have no phone.
    """

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        if request.method in SAFE_METHODS:  # anyone may read, so reads cost no query
            return None
        return self._signed_in(request)

    def _signed_in(self, request: Request) -> tuple[Any, None] | None:
        signed = super().authenticate(request)
        if signed is not None and not signed[0].is_staff:
            return None  # the session no longer opens the back office
        if signed is not None and second_factor.step(signed[0], request.session) is not None:
            raise SecondFactorMissing
        return signed

    def enforce_csrf(self, request: Any) -> None:
        if request.method in SAFE_METHODS:
            return
        # Of a POST, Django would read the body in search of a form with the token.
        head = copy(request._request)  # noqa: SLF001 - DRF has no other name for it
        head.method = "PUT"
        try:
            super().enforce_csrf(head)
        except PermissionDenied:
            raise CSRFFailed from None


class ReadingSession(EditorSession):
    """The same, also for reads, of what is not public."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        return self._signed_in(request)


class ReadOrEdit(BasePermission):
    """Anyone may read; editors may write, with the same permissions as in the back office."""

    message = PermissionMissing.default_detail

    def has_permission(self, request: Request, view: object) -> bool:
        action = getattr(view, "action", None)  # None for a method that will get a 405
        needed = EDITORS_NEED.get(str(action))
        if needed is None:
            return True
        is_open = action in OPEN and settings.CLIPS_API_WRITES == "open"
        if is_open and not is_form(request.META):
            return True
        user = request.user
        return user is not None and bool(user.has_perm(needed))
