"""Import and export in Chromium."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from harness.chromium import CHROMIUM, CLICK_TWICE
from library.models import Clip, State
from tests.support.database import await_blocked_transaction, locked
from tests.support.editors import chief
from tests.support.pages import PHONE, Open, look

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools")

HEAD = "id,title,genre,duration,audio_url\n"
NEW = "".join(f",Clip {n},jazz,{n},https://example.com/{n}.mp3\n" for n in range(1, 7))


def choose(page: Page, path: Path, text: str) -> None:
    path.write_text(text)
    page.get_by_label("CSV or JSON file: choose it or drop it here").set_input_files(path)
    page.get_by_role("button", name="Preview").press("Enter")


def test_editor_imports_and_exports_clips(
    open_page: Open, make_clip: Callable[..., Clip], tmp_path: Path
) -> None:
    clip = make_clip(audio_file="", audio_url="https://example.com/0.mp3")
    page = open_page("/admin/library/clip/import/", chief(), width=PHONE, dark=True)
    look(page, "dark")
    choose(page, tmp_path / "clips.csv", f"{HEAD}{clip.pk},Better,,,\n{NEW}")
    problems = page.get_by_role("listitem").filter(has_text="Row 2")
    expect(problems).to_contain_text("This field is required.")
    look(page, "light", "dark")
    page.get_by_role("button", name="Choose another file").press("Enter")
    choose(page, tmp_path / "clips.csv", f"{HEAD}{clip.pk},Better,jazz,5,{clip.audio_url}\n{NEW}")
    changed = page.get_by_role("listitem").filter(has_text="Row 2")
    expect(changed.locator("del").first).to_have_text("Ambient Sounds")
    expect(changed.locator("ins").first).to_have_text("Better")
    look(page, "light", "dark")
    events: list[str] = []
    page.on("console", lambda message: events.append(message.text))
    page.on("request", lambda request: events.append(request.method))
    with locked(clip):
        page.get_by_role("button", name="Import: add 6, change 1").evaluate(CLICK_TWICE)
        await_blocked_transaction()
    expect(page.get_by_text("Imported clips.csv: 6 added, 1 changed.")).to_be_visible()
    assert (events.count("POST"), events.count("Importing…")) == (1, 1)
    assert Clip.objects.filter(state=State.DRAFT).count() == 6
    page.goto("/admin/library/clip/export/?q=Better")
    look(page, "light")
    page.get_by_label("JSON").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").press("Enter")
    assert '"title":"Better"' in download.value.path().read_text()
