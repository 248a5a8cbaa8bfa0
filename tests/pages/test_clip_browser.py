"""The page of a clip and the embedded player, in Chromium."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from harness.chromium import CHROMIUM
from harness.origin import Origin, answer
from harness.service import Server
from harness.waiting import until
from library.models import Clip, PlayEvent
from tests.support.analyses import analysed
from tests.support.pages import PHONE, Open, look

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools")


@pytest.fixture
def clip(make_clip: Callable[..., Clip]) -> Clip:
    clip = make_clip(
        description="Rain.\n\nhttps://example.com/",
        tags=["rain", "night drive"],
        creator="Ann Example",
        licence="CC-BY-NC-4.0",
    )
    analysed(clip)
    make_clip(title="Another", creator="Ann Example")
    return clip


@pytest.mark.parametrize(("width", "dark"), [(PHONE, True), (1280, False)])
def test_clip_page_is_accessible(open_page: Open, clip: Clip, width: int, dark: bool) -> None:
    page = open_page(f"/clips/{clip.pk}", width=width, dark=dark)
    for summary in page.locator("summary").all():
        summary.click()
    look(page, "dark" if dark else "light")


@pytest.mark.parametrize(("width", "query"), [(300, "?theme=dark"), (300, ""), (1280, "")])
def test_embed_is_accessible(open_page: Open, clip: Clip, width: int, query: str) -> None:
    page = open_page(f"/embed/{clip.pk}{query}", width=width)
    page.set_viewport_size({"width": width, "height": 152})
    look(page, "light")
    assert page.evaluate("document.documentElement.scrollHeight") == 152


def test_credit_link_and_snippet_are_copied(open_page: Open, clip: Clip, server: Server) -> None:
    page = open_page(f"/clips/{clip.pk}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    for name, text in (
        ("clip-credit", str(clip.attribution)),
        ("clip-link", f"{server.url}/clips/{clip.pk}"),
        ("clip-snippet", page.get_by_label("Player for your site").input_value()),
    ):
        button = page.locator(f"[data-copy={name}]")
        expect(button).to_have_attribute("aria-live", "polite")
        button.click()
        expect(button).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == text


def test_clip_page_plays_the_clip_and_loads_nothing_before(open_page: Open, clip: Clip) -> None:
    page = open_page(f"/clips/{clip.pk}")
    page.wait_for_load_state("networkidle")
    assert not PlayEvent.objects.exists()
    page.locator(".clip-page .clip-play").click()
    until(lambda: PlayEvent.objects.exists())
    expect(page.locator(".clip-page")).to_have_class(re.compile("clip-playing"))
    assert PlayEvent.objects.get().referrer == "127.0.0.1"


def embedding(browser: Browser, origin: Origin, html: str, **headers: str) -> Page:
    """Open a page of another site, whose host is localhost, with this content."""
    fields = {"Content-Type": "text/html"} | headers
    url = origin.on("/post", answer(f"<!DOCTYPE html>{html}".encode(), headers=fields))
    page = browser.new_context().new_page()
    page.goto(url.replace("127.0.0.1", "localhost"))
    return page


@pytest.mark.parametrize(
    ("attributes", "headers", "referrer"),
    [
        ("", {}, "localhost"),
        ('sandbox="allow-scripts"', {}, "localhost"),  # as WordPress embeds other sites
        ("", {"Referrer-Policy": "no-referrer"}, ""),
    ],
)
def test_play_in_an_embed_records_the_embedding_host(
    browser: Browser,
    origin: Origin,
    server: Server,
    clip: Clip,
    attributes: str,
    headers: dict[str, str],
    referrer: str,
) -> None:
    frame = f'<iframe src="{server.url}/embed/{clip.pk}" {attributes}></iframe>'
    page = embedding(browser, origin, frame, **headers)
    player = page.frame_locator("iframe")
    player.get_by_role("button", name="Play", exact=True).click()
    until(lambda: PlayEvent.objects.exists())
    expect(player.get_by_role("button", name="Pause")).to_be_visible()
    assert PlayEvent.objects.get().referrer == referrer
    page.context.close()


def test_other_pages_refuse_to_be_framed(
    browser: Browser, origin: Origin, server: Server, clip: Clip
) -> None:
    paths = ("/", f"/clips/{clip.pk}", "/docs", "/admin/login/")
    frames = "".join(f'<iframe src="{server.url}{path}"></iframe>' for path in paths)
    page = embedding(browser, origin, frames)
    page.wait_for_load_state("networkidle")
    assert [frame.url for frame in page.frames[1:]] == ["chrome-error://chromewebdata/"] * len(
        paths
    )
    page.context.close()
