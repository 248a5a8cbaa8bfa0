"""Who writes: an editor logged in to the back office, or a machine with an editor's token."""

from typing import Any

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from library.access import second_factor
from library.models import ApiToken


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>` (RFC 6750); other schemes are not ours to judge."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        """The token's user, None without a token. Raises AuthenticationFailed."""
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        tokens = ApiToken.objects.in_force().of_secret(secret.strip())
        token = tokens.select_related("user").first()
        if token is None:
            raise AuthenticationFailed(
                "This token is not known, was revoked, or its user may not log in.",
                code="invalid_token",
            )
        token.note_use()
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """What WWW-Authenticate says with a 401."""
        return 'Bearer realm="clips"'


class EditorSession(SessionAuthentication):
    """The session of the back office, for Swagger UI; without its cookie it costs no query.

    It opens what the back office opens: nothing before the second factor. A token is a factor of
    its own, made in a session that has shown both, and a machine has no phone.
    """

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        """The editor who writes; who reads matters to nobody, so reads pay nothing."""
        if request.method in SAFE_METHODS:
            return None
        signed = super().authenticate(request)
        if signed is not None and second_factor.step(signed[0], request.session) is not None:
            raise PermissionDenied(
                "This session lacks the second factor: log in to the back office first.",
                code="second_factor_missing",
            )
        return signed

    def enforce_csrf(self, request: Any) -> None:
        """Refuse what another site made the browser send. Raises PermissionDenied."""
        try:
            super().enforce_csrf(request)
        except PermissionDenied:
            raise PermissionDenied(
                "A request with the session of the back office needs the header X-CSRFToken "
                "with the value of the cookie csrftoken.",
                code="csrf_failed",
            ) from None
