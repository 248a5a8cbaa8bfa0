"""Lists of clips in the API: their pages, and whether the server may keep them."""

from collections.abc import Callable
from typing import Any

import requests
from django.test import Client

from library.telemetry import request_notes

CLIPS = "/api/v1/clips"


def pages(
    http: Callable[..., requests.Response], query: str, relation: str = "next"
) -> list[list[int]]:
    """Return the ids on each page, following the links with this relation."""
    found = []
    path: str | None = f"{CLIPS}?{query}"
    while path:
        response = http("GET", path)
        found.append([clip["id"] for clip in response.json()])
        url = response.links.get(relation, {}).get("url")
        path = url and CLIPS + "?" + url.partition("?")[2]
    return found


def kept_by(client: Client, path: str, **headers: str) -> Any:
    """Request a path, and return the note by which the server may keep its answer."""
    request = client.get(path, headers=headers).wsgi_request
    return request_notes.noted(request.META).get("kept_by")
