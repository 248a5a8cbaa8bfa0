"""The list in Chromium: its look, and moving around while audio plays."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from harness.chromium import CHROMIUM
from harness.service import Server
from harness.waiting import until
from library.models import Clip
from tests.support.pages import PHONE, Open, look
from tests.support.tones import make_tone

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools")

SMALL_PHONE = 320


@pytest.fixture
def clips(make_clip: Callable[..., Clip]) -> list[Clip]:
    """Enough clips for two pages, some of them odd."""
    odd: list[dict[str, Any]] = [
        {"title": "x" * 200, "creator": "y" * 200, "genre": "z" * 64},
        {"title": "أغنية المطر في الليل الطويل", "creator": "فيروز", "tags": ["مطر"]},
        {"title": "🎧🥁🎹 " * 10, "tags": [f"{'long' * 9}{n}" for n in range(20)]},
        {"title": "Plain", "licence": "CC-BY-NC-SA-4.0", "description": "word " * 1000},
    ]
    plain = [
        Clip(title=f"Clip {n}", genre="ambient", duration=9, audio_url="https://example.com/a.mp3")
        for n in range(26)
    ]
    return [*Clip.objects.bulk_create(plain), *(make_clip(**fields) for fields in odd)]


@pytest.mark.parametrize(
    ("path", "width", "dark"),
    [
        ("/", SMALL_PHONE, False),
        ("/?page=2&tag=&genre=ambient", PHONE, True),
        ("/", 1280, True),
        ("/?q=x&licence=CC-BY&tag=long&page=0", SMALL_PHONE, True),
        ("/?q=plain", 2560, False),
    ],
)
def test_list_is_accessible_and_fits(
    open_page: Open, clips: list[Clip], path: str, width: int, dark: bool
) -> None:
    page = open_page(path, width=width, dark=dark)
    expect(page.get_by_role("searchbox", name="Search clips")).to_be_visible()
    look(page, "dark" if dark else "light")


def test_list_works_without_scripts(browser: Browser, server: Server, clips: list[Clip]) -> None:
    context = browser.new_context(base_url=server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    expect(page.locator("audio:visible")).to_have_count(24)
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".clip")).to_have_count(6)
    page.get_by_role("searchbox").fill("plain")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator(".clip")).to_have_count(1)
    context.close()


def marked(page: Page) -> bool:
    """Return whether this is still the document that was marked."""
    return bool(page.evaluate("window.marked === true"))


def start(page: Page, title: str) -> None:
    """Play this clip, and mark the document."""
    page.evaluate("window.marked = true")
    page.get_by_role("button", name=f"Play {title}").click()
    until(lambda: page.locator("#player audio").evaluate("audio => audio.currentTime > 0"))


def test_audio_goes_on_while_people_move_around(open_page: Open, clips: list[Clip]) -> None:
    make_tone("Tone")
    page = open_page("/")
    start(page, "Tone")
    page.evaluate("addEventListener('page:changed', () => { window.changes = 1 }, true)")
    page.get_by_role("link", name="Next").click()
    expect(page).to_have_title("Clips, page 2")
    assert page.evaluate("scrollY") == 0
    assert page.evaluate("document.activeElement.tagName") == "H1"
    page.get_by_role("link", name="Clip 5", exact=True).click()
    expect(page).to_have_url(f"{page.evaluate('location.origin')}/clips/{clips[5].pk}")
    expect(page.get_by_role("heading", name="Clip 5").first).to_be_visible()
    page.go_back()
    expect(page).to_have_title("Clips, page 2")
    page.go_back()
    expect(page).to_have_title("Clips")
    expect(page.locator(".clip")).to_have_count(24)
    until(lambda: page.evaluate("scrollY") > 0)  # where the link was
    expect(page.locator(".clip-playing")).to_have_attribute("data-title", "Tone")
    page.get_by_role("searchbox").fill("plain")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator(".clip")).to_have_count(1)
    assert page.url.endswith("/?q=plain")
    assert page.locator("link[rel=canonical]").get_attribute("href") == page.url
    assert page.locator("main audio").count() == 0
    assert marked(page)
    assert page.evaluate("window.changes") == 1
    before = page.locator("#player audio").evaluate("audio => audio.currentTime")
    until(lambda: page.locator("#player audio").evaluate(f"audio => audio.currentTime > {before}"))
    played = "audio => [audio.played.length, audio.played.start(0), audio.ended]"
    assert page.locator("#player audio").evaluate(played) == [1, 0, False]  # without a gap
    page.get_by_role("link", name="What counts as a play").click()
    expect(page.get_by_role("heading", name="What counts as a play")).to_be_visible()
    assert not marked(page)


def head(page: Page) -> list[str]:
    """Return the elements of the head that belong to the page, and not to its look."""
    found: list[str] = page.evaluate("""() =>
      [...document.head.children]
        .filter((element) => !element.matches("link[rel=stylesheet], script[src]"))
        .map((element) => element.matches("script") // which has the number of plays
          ? JSON.parse(element.textContent)["@id"] : element.outerHTML)
        .sort()""")
    return found


def test_head_is_that_of_the_page(open_page: Open, clips: list[Clip]) -> None:
    tone = make_tone("Tone", licence="CC-BY-4.0", description="A tone.")
    page = open_page("/")
    listing = head(page)
    page.goto(f"/clips/{tone.pk}")
    clip = head(page)
    assert page.url in clip  # from JSON-LD
    start(page, "Tone")
    page.get_by_role("link", name="Clips", exact=True).first.click()
    expect(page).to_have_title("Clips")
    assert head(page) == listing
    page.go_back()
    expect(page.get_by_role("heading", name="Tone", level=1)).to_be_visible()
    assert head(page) == clip
    assert marked(page)


def test_positions_outlive_a_reload(open_page: Open, clips: list[Clip]) -> None:
    make_tone("Tone")
    page = open_page("/")
    start(page, "Tone")
    page.evaluate("scrollTo(0, 500)")
    page.get_by_role("link", name="Clip 20", exact=True).evaluate("link => link.click()")
    expect(page.get_by_role("heading", name="Clip 20", level=1)).to_be_visible()
    page.reload()
    page.evaluate("scrollTo(0, 150); window.marked = true")
    assert page.evaluate("scrollY") == 150
    page.go_back()
    expect(page).to_have_title("Clips")
    until(lambda: page.evaluate("scrollY") == 500)
    page.go_forward()
    expect(page.get_by_role("heading", name="Clip 20", level=1)).to_be_visible()
    until(lambda: page.evaluate("scrollY") == 150)
    assert marked(page)


def test_page_that_is_shown_stays_when_people_return_before_another_loads(
    open_page: Open, clips: list[Clip]
) -> None:
    make_tone("Tone")
    page = open_page("/?genre=ambient")
    start(page, "Tone")
    page.get_by_role("link", name="Next").click()
    expect(page).to_have_title("ambient | Clips, page 2")
    page.route("**/?genre=ambient", lambda _route: None)  # no response
    page.evaluate("history.back()")
    expect(page.locator("main")).to_have_attribute("aria-busy", "true")
    page.evaluate("history.forward()")
    expect(page.locator("main")).not_to_have_attribute("aria-busy", "true")
    expect(page).to_have_title("ambient | Clips, page 2")
    assert page.url.endswith("page=2")


@pytest.mark.parametrize("fragment", ["", "#main"])
def test_failed_fetch_on_the_way_back_loads_the_page(
    open_page: Open, clips: list[Clip], fragment: str
) -> None:
    make_tone("Tone")
    page = open_page(f"/{fragment}")
    start(page, "Tone")
    page.get_by_role("link", name="Next").click()
    expect(page).to_have_title("Clips, page 2")
    page.evaluate("window.fetch = Promise.reject; null")
    page.go_back()
    expect(page).to_have_title("Clips")
    assert not marked(page)


def test_failed_fetch_becomes_a_normal_navigation(open_page: Open, clips: list[Clip]) -> None:
    page = open_page("/")
    page.evaluate("window.marked = true; window.fetch = Promise.reject; null")
    page.get_by_role("link", name="Next").click()
    expect(page).to_have_title("Clips, page 2")
    assert not marked(page)


def test_audio_that_starts_on_another_page_goes_on_at_the_way_back(
    open_page: Open, clips: list[Clip]
) -> None:
    clip = make_tone("Tone")
    page = open_page("/")
    page.get_by_role("link", name="Tone", exact=True).click()
    expect(page).to_have_url(f"{page.evaluate('location.origin')}/clips/{clip.pk}")
    start(page, "Tone")
    page.go_back()
    expect(page).to_have_title("Clips")
    expect(page.locator(".clip-playing")).to_have_attribute("data-title", "Tone")
    assert marked(page)
