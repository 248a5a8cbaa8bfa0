"""The dashboard in Chromium."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from harness.chromium import CHROMIUM
from harness.origin import Origin, answer
from harness.service import Server
from library.models import Clip, LibraryTally, PlayTally
from tests.support.pages import log_in

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools")


def faults(page: Page) -> list[str]:
    """Return the serious accessibility violations found by axe-core."""
    found = Axe().run(page).response["violations"]
    serious = [fault for fault in found if fault["impact"] in ("serious", "critical")]
    return [f"{fault['id']}: {node['html']}" for fault in serious for node in fault["nodes"]]


PAINTED = """() => {
  const chart = Chart.getChart(document.querySelector("[data-chart]"));
  return chart.getDatasetMeta(0).data[0].options.backgroundColor;
}"""
ACCENT = """
getComputedStyle(document.querySelector(".dashboard")).getPropertyValue("--clips-accent").trim()
"""


def test_dashboard_is_complete_and_accessible(
    browser: Browser, server: Server, make_clip: Callable[..., Clip], origin: Origin, mp3: bytes
) -> None:
    now = timezone.now()
    clip = make_clip(title="From an Origin", audio_url=origin.on("/a", answer(mp3)))
    make_clip(
        title="Lost",
        audio_url=origin.url("/lost"),
        health="failing",
        health_reason="origin_timeout",
    )
    make_clip(title="Draft", state="draft")
    PlayTally.objects.create(clip=clip, quarter=now, plays=7, people=3)
    for days in range(30):
        LibraryTally.objects.create(quarter=now - timedelta(days), slot=0, plays=days)
    context = browser.new_context(base_url=server.url, viewport={"width": 360, "height": 800})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.request.get(f"/api/v1/clips/{clip.pk}/stream")
    log_in(page)
    expect(page.get_by_role("heading", name="Failing sources")).to_be_visible()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(page.get_by_text("requests for origins' audio, on this server")).to_be_visible()
    assert (
        page.evaluate("Chart.getChart(document.querySelector('[data-chart]')).data.labels.length")
        == 30
    )
    assert page.evaluate(PAINTED) == page.evaluate(ACCENT)
    page.get_by_text("As a table").press("Enter")
    expect(page.get_by_role("region", name="Plays per day")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert faults(page) == []
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="dark")
    page.reload()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    assert faults(page) == []
    page.route("**/dashboard/top/", lambda route: route.abort())
    page.reload()
    expect(page.get_by_text("Temporarily unavailable.")).to_be_visible()
    page.unroute("**/dashboard/top/")
    context.clear_cookies()  # the session ends
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_label("Username")).to_be_visible()
    context.close()
    assert errors == []
