"""The first page is light, stands still and comes from here, with a full page of clips."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from benchmarks.pages.library import invented
from benchmarks.pages.visits import Visit, visit
from harness.chromium import CHROMIUM
from harness.service import Server
from library.models import Clip
from tests.support.analyses import analysed

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools")
CARDS = 24  # on a page


@pytest.fixture(params=[1280, 360])
def first_visit(
    browser: Browser, server: Server, make_clip: Callable[..., Clip], request: pytest.FixtureRequest
) -> Visit:
    for number in range(CARDS + 1):
        clip = make_clip(
            title=f"A title of usual length {number}",
            creator=f"Creator {number}",
            licence="CC-BY-4.0",
            tags=[f"first {number}", "second"],
        )
        analysed(clip, peaks=invented(number).to_bytes())
    return visit(browser, f"{server.url}/", width=request.param)


def test_first_page_is_light_and_stands_still(first_visit: Visit, server: Server) -> None:
    assert first_visit.transferred < 60_000, first_visit.by_url
    assert first_visit.shift < 0.01, first_visit.shifted
    hosts = {urlsplit(url).netloc for url in first_visit.by_url}
    assert hosts == {urlsplit(server.url).netloc}
    assert first_visit.started
