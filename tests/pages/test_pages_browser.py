"""The public pages in Chromium."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from harness.chromium import CHROMIUM, SEEK
from harness.service import Server
from library.models import Clip, PlayEvent
from tests.support.pages import PHONE, Open, log_in, look

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools")


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """Open a browser page; errors of its scripts fail the test."""
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def test_clip_plays_and_seeks_on_the_listening_page(page: Page, clip: Clip) -> None:
    page.goto("/")
    assert page.locator("audio").evaluate(SEEK) == pytest.approx([28.5, 20, 3], abs=0.1)
    assert Clip.objects.get().play_count == 1


def test_listening_page_loads_no_audio_by_itself(page: Page, clip: Clip) -> None:
    page.goto("/", wait_until="networkidle")
    assert not PlayEvent.objects.exists()


def test_starting_one_clip_pauses_the_other(page: Page, make_clip: Callable[..., Clip]) -> None:
    make_clip()
    make_clip(title="Another")
    page.goto("/")
    first, second = page.locator("audio").all()
    first.evaluate("async (audio) => { audio.muted = true; await audio.play(); }")
    second.evaluate("async (audio) => { audio.muted = true; await audio.play(); }")
    page.wait_for_function("document.querySelectorAll('audio')[0].paused")
    assert second.evaluate("audio => audio.paused") is False


@pytest.mark.parametrize(("path", "shown"), [("/docs", ".opblock"), ("/redoc", "h1"), ("/", "h1")])
def test_page_loads_nothing_from_other_hosts(page: Page, path: str, shown: str) -> None:
    requested: list[str] = []
    page.on("requestfinished", lambda request: requested.append(request.url))
    page.on("requestfailed", lambda request: requested.append(f"{request.failure}: {request.url}"))
    page.goto(path)
    page.wait_for_selector(shown)
    page.wait_for_load_state("networkidle")
    home = page.url.removesuffix(path)
    ours = (home, "data:", "blob:", "csp: ")  # the policy blocks these before they are sent
    assert [url for url in requested if not url.startswith(ours)] == []


def test_docs_fit_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/docs")
    page.locator(".opblock-post .opblock-summary-control").first.click()
    expect(page.locator(".responses-table").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_docs_play_and_download_the_audio_with_one_play(page: Page, clip: Clip, mp3: bytes) -> None:
    page.goto("/docs")
    operation = page.locator(".opblock").filter(has_text="Stream a clip")
    operation.locator(".opblock-summary-control").first.click()
    operation.get_by_placeholder("id").fill(str(clip.pk))
    operation.get_by_role("button", name="Execute").click()
    response = operation.locator(".audio-response")
    expect(response.locator("audio")).to_be_visible()
    assert response.locator("audio").evaluate(SEEK) == pytest.approx([28.5, 20, 3], abs=0.1)
    with page.expect_download() as download:
        response.get_by_role("link", name="Download file").click()
    assert download.value.suggested_filename == "Ambient Sounds.mp3"
    assert download.value.path().read_bytes() == mp3
    assert Clip.objects.get().play_count == 1


def test_docs_add_the_example_clip(page: Page) -> None:
    page.goto("/docs")
    operation = page.locator(".opblock-post").filter(has_text="Add a clip")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Execute").click()
    expect(
        operation.locator(".live-responses-table .response .response-col_status")
    ).to_contain_text("201")
    assert Clip.objects.get().audio_url == "https://example.com/path/to/audio.mp3"


def test_docs_delete_a_clip_when_logged_in(page: Page, clip: Clip) -> None:
    log_in(page)
    page.goto("/docs")
    operation = page.locator(".opblock-delete")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_placeholder("id").fill(str(clip.pk))
    operation.get_by_role("button", name="Execute").click()
    expect(
        operation.locator(".live-responses-table .response .response-col_status")
    ).to_contain_text("204")
    assert not Clip.objects.available().exists()


def test_playing_in_the_back_office_counts_no_play(page: Page, clip: Clip) -> None:
    log_in(page)
    page.goto("/admin/library/clip/")
    assert page.locator("audio").evaluate(SEEK) == pytest.approx([28.5, 20, 3], abs=0.1)
    assert not PlayEvent.objects.exists()


def test_missing_page_is_accessible_on_a_phone(open_page: Open) -> None:
    page = open_page("/nothing", width=PHONE, dark=True)
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
    look(page, "dark")
