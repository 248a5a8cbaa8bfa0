"""An editor's work in Chromium, from log-in to export."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from harness.chromium import CHROMIUM
from harness.origin import Origin, answer
from library.models import Clip, PlayEvent, State
from tests.support.editors import member
from tests.support.pages import Open

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools")

TITLES = ("Rain", "Wind", "Surf", "Creek", "Thunder", "Broken")


def test_editor_imports_plays_repairs_publishes_and_exports(
    open_page: Open, origin: Origin, mp3: bytes, tmp_path: Path
) -> None:
    good = origin.on("/good.mp3", answer(mp3))
    clips = [
        {
            "title": title,
            "genre": "nature",
            "duration": 28.5,
            "audio_url": origin.url("/gone.mp3") if title == "Broken" else good,
        }
        for title in TITLES
    ]
    file = tmp_path / "clips.json"
    file.write_text(json.dumps(clips))

    member("Editors")
    page = open_page("/admin/")
    page.get_by_label("Username").fill("editors")
    page.get_by_label("Password").fill("editors")
    page.get_by_role("button", name="Log in").click()

    page.goto("/admin/library/clip/import/")
    page.get_by_label("CSV or JSON file: choose it or drop it here").set_input_files(file)
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Import: add 6").click()
    expect(page.get_by_text("Imported clips.json: 6 added")).to_be_visible()
    assert not Clip.objects.available().exists()

    page.get_by_role("button", name="Play Rain").click()
    expect(page.get_by_role("button", name="Pause Rain")).to_be_visible()
    page.get_by_role("button", name="Play Broken").click()
    expect(page.locator("tr", has_text="Broken").get_by_role("alert")).to_have_text(
        "The origin responded with an error."
    )

    page.get_by_role("link", name="Broken", exact=True).click()
    page.get_by_label("Audio URL").fill(good)
    page.get_by_role("button", name="Check source").click()
    expect(page.locator("#clip-url-report")).to_contain_text("This address serves audio")
    page.get_by_label("Title").fill("Drizzle")
    page.get_by_role("button", name="Save and publish").click()
    expect(page.get_by_text("1 clip published.")).to_be_visible()

    page.goto("/admin/library/clip/?state=draft")
    page.get_by_role("checkbox", name="Select all").first.check()
    page.get_by_label("Select action to run").select_option("publish")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("5 clips published.")).to_be_visible()

    page.goto("/admin/library/clip/export/")
    page.get_by_label("JSON").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    exported = json.loads(download.value.path().read_text())
    assert {clip["title"] for clip in exported} == {*TITLES, "Drizzle"} - {"Broken"}
    assert {clip["state"] for clip in exported} == {State.PUBLISHED}
    assert not PlayEvent.objects.exists()
