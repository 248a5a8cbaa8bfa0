"""Middleware that is left out for a request changes nothing about its response."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings

from library.models import Clip

# The classes of `clips_site.page_middleware`, and Django's that they leave out.
WHOLE = {
    "SessionMiddleware": "django.contrib.sessions.middleware.SessionMiddleware",
    "CommonMiddleware": "django.middleware.common.CommonMiddleware",
    "AuthenticationMiddleware": "django.contrib.auth.middleware.AuthenticationMiddleware",
    "MessageMiddleware": "django.contrib.messages.middleware.MessageMiddleware",
}
OURS = "clips_site.page_middleware."
VOLATILE = {"X-Request-ID", "Location", "ETag", "Set-Cookie", "Expires"}
CLIP = "/api/v1/clips/{}"
PATHS = (
    *("/", "/docs", "/openapi.json", "/livez", "/admin", "/admin/login/", "/admin/login"),
    *("/static/nothing", "/nothing", "/nothing/", "/docs/"),
    *("/api/v1/clips", "/api/v1/clips/", "/api/v1/clips?limit=0", "/api/v1/nothing", "/api/"),
    *(CLIP, f"{CLIP}0", f"{CLIP}0/stream", f"{CLIP}/stats", "/api/v1/stats"),
)


def facts(response: Any) -> tuple[int, dict[str, str]]:
    """Return the status and the headers, of the volatile ones only the names."""
    headers = {name: "" if name in VOLATILE else value for name, value in response.items()}
    return response.status_code, headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "https://example.com"}, {"Host": "evil.example"}]
)
def test_responses_are_the_same_as_with_all_middleware(
    clip: Clip, method: str, headers: dict[str, str]
) -> None:
    names = [name.removeprefix(OURS) for name in settings.MIDDLEWARE]
    assert set(WHOLE) <= set(names)
    ours: dict[str, Any] = {}
    whole: dict[str, Any] = {}
    for found, middleware in (
        (ours, settings.MIDDLEWARE),
        (whole, [WHOLE.get(name, name) for name in names]),
    ):
        with override_settings(MIDDLEWARE=middleware):
            client = Client()
            for path in PATHS:
                response = client.generic(
                    method, path.format(clip.pk), "{}", "application/json", headers=headers
                )
                found[path] = facts(response)
                response.close()
    assert ours == whole


def test_only_reads_of_what_is_public_have_no_session(client: Client, clip: Clip) -> None:
    path = CLIP.format(clip.pk)
    for public in (path, "/", f"/clips/{clip.pk}", "/docs/plays", "/nothing"):
        assert not hasattr(client.get(public).wsgi_request, "session"), public
    assert hasattr(client.delete(path).wsgi_request, "session")
    assert hasattr(client.get("/admin/login/").wsgi_request, "session")
