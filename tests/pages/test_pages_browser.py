"""The public pages in Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect

from harness.chromium import CHROMIUM, SEEK
from harness.service import Server
from library.models import Clip, PlayEvent
from tests.support.pages import PHONE, Open, log_in, look

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools")


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """Open a browser page. Errors of its scripts, foreign requests and what its policy blocks fail.

    A request that the policy blocks is also written to the console.
    """
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    errors: list[str] = []
    own = (f"{server.url}/", f"blob:{server.url}/", "data:")

    def add_foreign(request: Request) -> None:
        if not request.url.startswith(own):
            errors.append(request.url)

    def add_violation(message: ConsoleMessage) -> None:
        if "Policy" in message.text:
            errors.append(message.text)

    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", add_foreign)
    page.on("console", add_violation)
    yield page
    context.close()
    assert errors == []


def test_listening_page_loads_no_audio_by_itself(page: Page, clip: Clip) -> None:
    page.goto("/", wait_until="networkidle")
    assert not PlayEvent.objects.exists()


@pytest.mark.parametrize(
    ("path", "shown"),
    [("/docs", ".opblock"), ("/redoc", "h1"), ("/", "h1"), ("/docs/plays", "h1"), ("/no", "h1")],
)
def test_page_obeys_a_policy_without_inline_code(page: Page, path: str, shown: str) -> None:
    response = page.goto(path)
    page.wait_for_selector(shown)
    page.wait_for_load_state("networkidle")
    assert response is not None
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy


def test_redoc_is_styled_and_searches_without_a_foreign_logo(page: Page) -> None:
    page.goto("/redoc")
    page.get_by_placeholder("Search...").fill("bulk")
    expect(page.locator("[data-role='search:results']")).to_contain_text("Add many clips")
    assert page.locator("h1").first.evaluate("e => getComputedStyle(e).fontFamily") == (
        "system-ui, sans-serif"
    )
    assert page.locator("img").count() == 0


def test_docs_fit_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/docs")
    page.locator(".opblock-post .opblock-summary-control").first.click()
    expect(page.locator(".responses-table").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.goto("/docs/plays")
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
    operation = page.locator(".opblock-delete").filter(has_text="Delete a clip")
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
