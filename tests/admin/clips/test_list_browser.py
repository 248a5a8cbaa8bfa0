"""The list of clips and its bulk actions in Chromium: by keyboard, wide and narrow."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from harness.chromium import CHROMIUM, CLICK_TWICE
from harness.origin import Origin
from library.models import Clip, PlayEvent
from tests.support.database import await_blocked_transaction, locked
from tests.support.editors import chief
from tests.support.pages import PHONE, Open, look

LIST = "/admin/library/clip/"
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools")


def test_clips_play_by_keyboard_one_at_a_time(
    open_page: Open, make_clip: Callable[..., Clip], origin: Origin
) -> None:
    make_clip(title="Broken", audio_url=origin.url("/missing"))
    make_clip(title="First", state="draft")
    make_clip(title="Second")
    page = open_page(LIST, chief(), width=1360)
    look(page, "light")
    page.get_by_role("button", name="Play First").press("Enter")
    first = page.locator("tr", has_text="First")
    expect(first.get_by_role("button", name="Pause First")).to_be_visible()
    expect(first.locator(".player-time")).not_to_have_text("0:00")
    seek = first.get_by_role("slider", name="Position in First")
    seek.press("ArrowRight")
    seek.press("End")
    expect(first.get_by_role("button", name="Play First")).to_be_visible()  # it ended
    seek.press("Home")
    seek.press("ArrowRight")
    expect(seek).to_have_attribute("aria-valuetext", "0:01 of 0:28")
    page.get_by_role("button", name="Play First").press("Enter")
    page.get_by_role("button", name="Play Second").press("Space")
    expect(page.get_by_role("button", name="Pause Second")).to_be_visible()
    expect(page.get_by_role("button", name="Play First")).to_be_visible()
    page.get_by_role("button", name="Play Broken").press("Enter")
    expect(page.get_by_role("alert").filter(has_text=".")).to_have_text(
        "The origin responded with an error."
    )
    page.get_by_role("checkbox", name="Select record").first.check()
    page.get_by_label("Select action to run").select_option("publish")
    page.get_by_role("button", name="Run").click()  # no warning of unsaved changes
    expect(page.get_by_text("0 clips published; 1 already was.")).to_be_visible()
    assert not PlayEvent.objects.exists()


def test_clips_are_found_and_edited_on_a_phone(
    open_page: Open, make_clip: Callable[..., Clip]
) -> None:
    make_clip(title="Blue", genre="jazz", tags=["swing"], health="failing")
    make_clip(title="Red", genre="house", creator="Ann")
    page = open_page(LIST, chief(), width=PHONE, dark=True)
    look(page, "dark")
    page.locator("summary").press("Enter")
    page.get_by_role("link", name="Most played", exact=True).press("Escape")
    expect(page.get_by_role("link", name="Most played", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Filters").press("Enter")
    genre = page.get_by_label("Genre")
    expect(genre).to_be_focused()
    expect(page.locator("datalist option")).to_have_count(2)
    genre.fill("JAZZ")
    genre.press("Enter")
    expect(page.get_by_role("link", name="Genre: JAZZ")).to_be_visible()
    expect(page.get_by_role("link", name="Red")).to_have_count(0)
    page.get_by_role("checkbox", name="Select record").check()
    look(page)
    page.get_by_label("Select action to run").select_option("bulk_edit")
    page.get_by_role("button", name="Run").click()
    page.get_by_label("Add tags").fill("late night")
    look(page, "dark")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("row", name="tags swing swing, late night")).to_be_visible()
    look(page, "dark")
    page.get_by_role("button", name="Change 1 clip").click()
    expect(page.get_by_text("1 clip changed: add tag: late night.")).to_be_visible()
    assert Clip.objects.get(title="Blue").tags == ["swing", "late night"]
    page.get_by_role("checkbox", name="Select record").check()
    page.get_by_label("Select action to run").select_option("withdraw")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_label("Reason")).to_be_focused()
    look(page, "dark")


def test_page_number_can_be_entered_on_a_phone(
    open_page: Open, make_clip: Callable[..., Clip]
) -> None:
    clip = make_clip(genre="rain")
    clips = [
        Clip(title=f"Clip {n}", genre="rain", duration=1, audio_url="https://a.example/")
        for n in range(120)
    ]
    Clip.objects.bulk_create(clips)
    page = open_page(f"{LIST}?genre=rain&p=2", chief(), width=PHONE, dark=True)
    expect(page.get_by_role("navigation", name="Pages")).to_contain_text("of 3")
    look(page)
    page.get_by_label("Page", exact=True).fill("3")
    page.get_by_label("Page", exact=True).press("Enter")
    expect(page.get_by_role("link", name="Genre: rain")).to_be_visible()
    expect(page.get_by_role("link", name=clip.title)).to_be_visible()
    expect(page.get_by_role("link", name="Next")).to_have_count(0)


def test_bulk_action_shows_progress_and_is_sent_once(
    open_page: Open, make_clip: Callable[..., Clip]
) -> None:
    clip = make_clip(state="draft")
    page = open_page(LIST, chief(), width=1360, dark=True)
    page.get_by_role("checkbox", name="Select record").check()
    page.get_by_label("Select action to run").select_option("publish")
    run = page.get_by_role("button", name="Run")
    events: list[str] = []
    page.on("console", lambda message: events.append(message.text))
    page.on("request", lambda request: events.append(request.method))
    with locked(clip):
        run.evaluate(CLICK_TWICE)
        await_blocked_transaction()
    expect(page.get_by_text("1 clip published.")).to_be_visible()
    assert (events.count("POST"), events.count("Working…")) == (1, 1)
    page.get_by_role("checkbox", name="Select record").check()
    page.get_by_label("Select action to run").select_option("export_selected_as_csv")
    with page.expect_download():
        run.click()
    expect(run).to_be_enabled()
