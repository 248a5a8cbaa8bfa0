"""Pages of the list count as reads of the API."""

from typing import Any

import pytest
from django.test import Client

from library.api import throttles

CLIPS = "/api/v1/clips"
LIMIT = 3


@pytest.fixture
def limit(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit the reads of a client in a minute that does not end."""
    settings.CLIPS_THROTTLE = True
    settings.CLIPS_THROTTLE_RATES = {**settings.CLIPS_THROTTLE_RATES, "reads": LIMIT}
    monkeypatch.setattr(throttles, "_counts", throttles.Counts())
    monkeypatch.setattr("time.time", lambda: 1_800_000_010.0)


def test_pages_and_the_api_share_a_limit(
    client: Client, transactional_db: None, limit: None
) -> None:
    answers = [client.get(path) for path in ("/", CLIPS, "/?q=rain", "/?page=2&x=1", CLIPS)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    left = [answer["RateLimit"] for answer in answers]
    assert left == [f'"reads";r={number};t=50' for number in (2, 1, 0, 0, 0)]


def test_refused_page_says_when_to_reload_it(
    client: Client, transactional_db: None, limit: None
) -> None:
    for _ in range(LIMIT):
        client.get("/")
    page = client.get("/", headers={"Accept": "text/html"})
    assert (page.status_code, page["Retry-After"]) == (429, "50")
    assert page["Content-Type"].startswith("text/html")
    assert "Wait 50 seconds, and reload this page." in page.text
    program = client.get("/", headers={"Accept": "application/json"})
    assert (program.status_code, program.json()["code"]) == (429, "throttled")


def test_unchanged_page_has_the_limit_too(
    client: Client, transactional_db: None, limit: None
) -> None:
    etag = client.get("/")["ETag"]
    same = client.get("/", headers={"If-None-Match": etag})
    assert (same.status_code, same["RateLimit"]) == (304, '"reads";r=1;t=50')
