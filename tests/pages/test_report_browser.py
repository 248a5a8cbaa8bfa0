"""Reporting a clip in Chromium, with the keyboard only, and settling the report."""

import pytest
from playwright.sync_api import Page, expect

from harness.chromium import CHROMIUM
from library.models import Clip, Report
from tests.support.editors import member
from tests.support.pages import PHONE, Open, look
from tests.support.reports import RIGHTS, make_report

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the element with this id has the focus."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id || document.activeElement.type") == name:
            return
    raise AssertionError(f"{name} cannot be reached")


@pytest.mark.parametrize(("width", "dark"), [(PHONE, True), (1280, False)])
def test_clip_is_reported_with_the_keyboard(
    open_page: Open, clip: Clip, width: int, dark: bool
) -> None:
    scheme = "dark" if dark else "light"
    page = open_page(f"/clips/{clip.pk}/report", width=width, dark=dark)
    look(page, scheme)
    tab_to(page, "id_reason_0")
    page.keyboard.press("ArrowDown")  # to “Rights”, which needs more
    tab_to(page, "submit")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Correct the 2 marked fields.")
    expect(page.get_by_label("Details")).to_be_focused()
    expect(page.get_by_role("radio", name="Rights")).to_be_checked()
    look(page, scheme)
    page.keyboard.type(RIGHTS["details"])
    tab_to(page, "id_contact")
    page.keyboard.type(RIGHTS["contact"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert Report.objects.get().messages.get().details == RIGHTS["details"]
    page.reload()  # sends nothing again
    assert Report.objects.get().number == 1


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "light"), (1280, "dark")])
def test_editor_listens_and_withdraws_the_reported_clip(
    open_page: Open, clip: Clip, width: int, scheme: str
) -> None:
    make_report(clip, "rights", details="word " * 100 + "W" * 300, contact="a@example.com")
    page = open_page("/admin/library/report/", member("Editors"), width=width)
    look(page, scheme)
    expect(page.get_by_role("button", name="Play Ambient Sounds")).to_be_visible()
    page.get_by_role("link", name="Rights").click()
    look(page, scheme)
    page.get_by_role("button", name="Withdraw the clip…").click()
    page.get_by_label("Reason").fill("Its owner asked us to.")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("1 clip withdrawn.")).to_be_visible()
    assert Report.objects.get().state == "withdrawn"
