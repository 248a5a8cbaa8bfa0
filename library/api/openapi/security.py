"""Security schemes: how clients sign in, and for which operations."""

from typing import Any

from django.conf import settings
from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension

ANYONE: list[Any] = [{}]
READERS: list[Any] = [{}, {"token": []}]  # a token has rate limits of its own
EDITORS: list[Any] = [{"token": []}, {"session": []}]
ADDERS = ANYONE + EDITORS if settings.CLIPS_API_WRITES == "open" else EDITORS


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes tokens in the Authorization header."""

    target_class = "library.api.authentication.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token created with `manage.py api_token create`.",
        }


class EditorSessionScheme(SessionScheme):  # type: ignore[no-untyped-call]
    """Describes the session cookie of the back office."""

    target_class = "library.api.authentication.EditorSession"
    name = "session"
