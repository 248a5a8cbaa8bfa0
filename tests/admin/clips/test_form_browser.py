"""A clip's page in Chromium: dropped files, source checks, the waveform, concurrent editors."""

import base64
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from harness.chromium import CHROMIUM
from harness.origin import Origin, answer
from harness.waiting import until
from library.analyses import duplicates
from library.models import Clip, PlayEvent
from library.sound.waveform import Peaks, points
from tests.support.analyses import analysed
from tests.support.editors import editor
from tests.support.pages import PHONE, Open, look

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools")

ADD = "/admin/library/clip/add/"
DROP = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
  const dropped = new DataTransfer();
  dropped.items.add(new File([bytes], name));
  const event = {dataTransfer: dropped, bubbles: true, cancelable: true};
  document.querySelector(".clip-drop").dispatchEvent(new DragEvent("drop", event));
}"""


def change(clip: Clip) -> str:
    return f"/admin/library/clip/{clip.pk}/change/"


def drop(page: Page, name: str, content: bytes) -> None:
    page.evaluate(DROP, [name, base64.b64encode(content).decode()])


def save(page: Page) -> None:
    page.get_by_role("button", name="Save and continue editing").click()


def test_dropped_file_is_kept_when_another_field_is_wrong(open_page: Open, mp3: bytes) -> None:
    page = open_page(ADD, editor())
    report = page.locator("#clip-file-report")
    drop(page, "cover.png", b"\x89PNG\r\n\x1a\n" + bytes(99))
    expect(report).to_contain_text("This is a PNG image, not audio.")
    drop(page, "Heavy_rain.mp3", mp3)
    expect(report).to_contain_text("MP3, 458 kB, 28.5 s")
    expect(page.get_by_label("Title")).to_have_value("Heavy rain")
    expect(page.get_by_label("Duration")).to_have_value("28.5")
    expect(page.locator("#clip-player")).to_have_attribute("data-drawn", "yes")
    save(page)
    expect(page.locator(".field-genre")).to_contain_text("This field is required.")
    look(page, "light")
    page.get_by_label("Genre").fill("nature")
    save(page)
    expect(page.get_by_text("was added successfully")).to_be_visible()
    assert Clip.objects.get().size_bytes == len(mp3)


def test_source_is_checked_played_and_measured_before_saving(
    open_page: Open, origin: Origin, mp3: bytes
) -> None:
    page = open_page(ADD, editor())
    page.get_by_label("Audio URL").fill(origin.on("/a.mp3", answer(mp3)))
    page.get_by_role("button", name="Check source").click()
    expect(page.locator("#clip-url-report")).to_contain_text(
        "This address serves audio: MP3, 458 kB, 28.5 s."
    )
    page.get_by_role("button", name="Use 28.5 s as the duration").click()
    expect(page.get_by_label("Duration")).to_have_value("28.5")
    expect(page.locator("#clip-player")).to_have_attribute("data-drawn", "yes")
    page.get_by_label("Audio URL").fill(origin.url("/gone"))
    page.get_by_role("button", name="Check source").click()
    expect(page.locator("#clip-url-report")).to_have_text("The origin responded with status 404.")


def test_keys_and_pointer_seek_in_the_waveform(open_page: Open, clip: Clip) -> None:
    page = open_page(change(clip), editor(), width=PHONE)
    expect(page.locator("#clip-player")).to_have_attribute("data-drawn", "yes")
    wave = page.get_by_role("slider", name="Position")
    assert len(bars(page)) > 50
    wave.focus()
    for key, position in (("End", 28.5), ("Home", 0), ("ArrowRight", 1), ("PageUp", 3.85)):
        wave.press(key)
        assert time(page) == pytest.approx(position, abs=0.1)
    expect(wave).to_have_attribute("aria-valuetext", "0:03 of 0:28")
    wave.click()  # in the middle
    assert time(page) == pytest.approx(14.25, abs=0.3)
    wave.press("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    wave.press("Enter")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    look(page, "dark")
    page.goto("/admin/")  # without a warning of unsaved changes
    assert not PlayEvent.objects.exists()


def test_stored_waveform_of_a_draft_is_drawn(open_page: Open, clip: Clip, mp3: bytes) -> None:
    shown = points(Peaks.from_bytes(bytes(analysed(clip, mp3).peaks or b"")), 180)
    Clip.objects.all().make_draft()
    page = open_page(change(clip), editor())
    expect(page.locator("#clip-player")).to_have_attribute("data-drawn", "yes")
    high = 50 - 48 * shown[2 * 90 + 1] / max(map(abs, shown))
    path = page.locator(".player-wave path").first.get_attribute("d") or ""
    at, top = path.split("M")[91].split("V")[0].split()
    assert float(at) == 90.5
    assert float(top) == pytest.approx(high, abs=0.01)
    wave = page.get_by_role("slider", name="Position")
    wave.click()
    assert time(page) == pytest.approx(14.25, abs=0.3)


def test_duplicates_are_heard_side_by_side_and_one_is_withdrawn(
    open_page: Open, make_clip: Callable[..., Clip], mp3: bytes
) -> None:
    for title in ("First", "Second"):
        analysed(made := make_clip(title=title), mp3)
        duplicates.find(made.pk)
    page = open_page(f"/admin/library/clip/{made.pk}/duplicates/", editor(), width=PHONE)
    waves = page.locator(".player-wave")
    for wave in (waves.first, waves.last):
        wave.scroll_into_view_if_needed()
        expect(wave).to_have_attribute("data-drawn", "yes")
    sounds = page.locator("audio")
    for sound, title in ((sounds.first, "Second"), (sounds.last, "First")):
        page.get_by_role("button", name=f"Play {title}").click()
        expect(page.get_by_role("button", name=f"Pause {title}")).to_be_visible()
        until(partial(sound.evaluate, "audio => audio.currentTime > 0.1"))
    assert sounds.first.evaluate("audio => audio.paused")  # only one plays at a time
    look(page)
    article = page.get_by_role("article").filter(has_text="First")
    article.get_by_label("Reason").fill("A duplicate")
    article.get_by_role("button", name="Withdraw this clip").click()
    expect(page.get_by_text("1 clip withdrawn")).to_be_visible()
    assert Clip.objects.get(title="First").withdrawn_reason == "A duplicate"
    assert not PlayEvent.objects.exists()


def test_audio_that_cannot_be_loaded_is_explained(
    open_page: Open, make_clip: Callable[..., Clip], origin: Origin, mp3: bytes
) -> None:
    page = open_page(change(make_clip(audio_file="", audio_url=origin.url("/gone"))), editor())
    player = page.locator("#clip-player")
    expect(player.get_by_role("status")).to_have_text("The audio can't be loaded.")
    expect(player.get_by_role("alert")).to_have_text("The origin responded with an error.")
    expect(player.get_by_role("slider")).to_be_hidden()
    page.get_by_label("Audio URL").fill(origin.on("/a.mp3", answer(mp3)))
    page.get_by_role("button", name="Check source").click()
    expect(player).to_have_attribute("data-drawn", "yes")
    expect(player.get_by_role("slider")).to_be_visible()
    expect(player.get_by_role("alert")).to_be_hidden()


def bars(page: Page) -> set[str]:
    """Return the different bars of the waveform."""
    path = page.locator(".player-wave path").first
    return set((path.get_attribute("d") or "").split("M"))


def time(page: Page) -> float:
    seconds: float = page.locator("#clip-player audio").evaluate("audio => audio.currentTime")
    return seconds


def test_two_editors_see_each_other_and_overwrite_nothing(open_page: Open, clip: Clip) -> None:
    first = open_page(change(clip), editor("anna"))
    expect(first.locator("#clip-player")).to_have_attribute("data-drawn", "yes")
    second = open_page(change(clip), editor("ben"))
    expect(second.locator("#clip-others")).to_contain_text(
        "anna has had this clip open for editing since"
    )
    first.get_by_label("Tags").fill("storm")
    save(first)
    expect(first.get_by_text("was changed successfully")).to_be_visible()
    second.get_by_label("Title").fill("Light Rain")
    save(second)
    expect(second.locator("#clip-saving")).to_contain_text("Not saved yet: anna changed the tags")
    expect(second.get_by_label("Tags")).to_have_value("storm")
    save(second)
    expect(second.get_by_text("was changed successfully")).to_be_visible()
    clip.refresh_from_db()
    assert (clip.title, clip.tags) == ("Light Rain", ["storm"])


def test_typed_text_survives_the_end_of_the_session(open_page: Open, clip: Clip) -> None:
    anna = editor("anna")
    page = open_page(change(clip), anna)
    page.get_by_label("Title").fill("Light Rain")
    cookies: Any = page.context.cookies()
    page.context.clear_cookies()
    save(page)
    expect(page.locator("#clip-saving")).to_contain_text("You are logged out.")
    page.context.add_cookies([cookies[0]])  # a new log-in, which needs a new CSRF token
    save(page)
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert Clip.objects.get().title == "Light Rain"
