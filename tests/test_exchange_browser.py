"""Import and export in a real browser, as an editor goes through them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from library.models import Clip, State
from tests.chromium import CHROMIUM
from tests.server import Server

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools")

HEAD = "id,title,genre,duration,audio_url\n"
NEW = "".join(f",Clip {n},jazz,{n},https://example.com/{n}.mp3\n" for n in range(1, 7))


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """A phone of somebody who is logged in; nothing may go wrong on its pages unseen."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("editor"))
    context = browser.new_context(
        base_url=server.url,
        viewport={"width": 360, "height": 740},
        color_scheme="dark",
        accept_downloads=True,
    )
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": server.url}])
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def hold_to_account(page: Page, *schemes: str) -> None:
    """The page has no serious fault of accessibility in these schemes, and fits."""
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    for scheme in schemes:
        page.evaluate(
            "is => document.documentElement.classList.toggle('dark', is)", scheme == "dark"
        )
        found = Axe().run(page, context="#main").response["violations"]
        grave = [
            (scheme, fault["id"], node["html"], node["any"][0]["message"])
            for fault in found
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]
        assert grave == []


def choose(page: Page, path: Path, text: str) -> None:
    path.write_text(text)
    page.get_by_label("CSV or JSON, chosen or dropped here").set_input_files(path)
    page.get_by_role("button", name="Preview").press("Enter")


def test_editor_imports_and_exports_clips(
    page: Page, make_clip: Callable[..., Clip], tmp_path: Path
) -> None:
    clip = make_clip(audio_file="", audio_url="https://example.com/0.mp3")
    page.goto("/admin/library/clip/import/")
    hold_to_account(page, "dark")
    choose(page, tmp_path / "clips.csv", f"{HEAD}{clip.pk},Better,,,\n{NEW}")
    problems = page.get_by_role("listitem").filter(has_text="Row 2")
    expect(problems).to_contain_text("This field is required.")
    hold_to_account(page, "light", "dark")
    page.get_by_role("button", name="Choose a file again").press("Enter")
    choose(page, tmp_path / "clips.csv", f"{HEAD}{clip.pk},Better,jazz,5,{clip.audio_url}\n{NEW}")
    changed = page.get_by_role("listitem").filter(has_text="Row 2")
    expect(changed.locator("del").first).to_have_text("Ambient Sounds")
    expect(changed.locator("ins").first).to_have_text("Better")
    hold_to_account(page, "light", "dark")
    page.get_by_role("button", name="Import: add 6, change 1").press("Enter")
    expect(page.get_by_text("Imported clips.csv: 6 added, 1 changed.")).to_be_visible()
    assert Clip.objects.filter(state=State.DRAFT).count() == 6
    page.goto("/admin/library/clip/export/?q=Better")
    hold_to_account(page, "light")
    page.get_by_label("JSON").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").press("Enter")
    assert '"title":"Better"' in download.value.path().read_text()
