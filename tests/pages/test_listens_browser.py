"""The script that reports listens, in Chromium, on a page of another site."""

import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request

from harness import compact_script
from harness.chromium import CHROMIUM
from harness.origin import Origin, answer
from harness.service import Server
from harness.waiting import until
from library.models import Clip, Listen
from tests.settings import LOCAL
from tests.sound.signals import sine, wav
from tests.support.listens import heard_of

in_chromium = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools")
LENGTH = 8  # seconds of the clip
PAGE = """<!DOCTYPE html><title>Elsewhere</title>
<audio muted loop src="{server}/api/v1/clips/{clip}/stream"></audio>
<script src="{server}/static/library/listens.js"></script>
<script src="{server}/static/library/listens.js?again"></script>"""
# Plays from the start, skips from 1.5 s to 6 s, and pauses after the loop.
SCENE = """async (audio) => {
  const passed = (since, until) => new Promise((resolve) => {
    const check = () => {
      if (audio.currentTime < since || audio.currentTime > until) return;
      audio.removeEventListener("timeupdate", check);
      resolve();
    };
    audio.addEventListener("timeupdate", check);
  });
  await audio.play();
  await passed(1.5, 6);
  audio.currentTime = 6;
  await passed(7, 8);
  await passed(0.5, 6);
  audio.pause();
}"""
PLAY_A_SECOND = """async (audio) => {
  await audio.play();
  await new Promise((resolve) => {
    audio.addEventListener("timeupdate", () => audio.currentTime > 1 && resolve());
  });
  return audio.currentTime;
}"""


def test_served_script_is_the_source_in_a_kilobyte() -> None:
    served = compact_script.SERVED.read_text()
    assert served == compact_script.compact(compact_script.SOURCE.read_text())
    assert len(served.encode()) <= compact_script.MOST


@pytest.fixture
def clip(make_clip: Callable[..., Clip]) -> Clip:
    folder = LOCAL / "media" / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "eight.wav").write_bytes(wav(sine(-20, LENGTH)))
    return make_clip(audio_file="uploads/eight.wav", duration=LENGTH)


@pytest.fixture
def page(browser: Browser, origin: Origin, server: Server, clip: Clip) -> Iterator[Page]:
    html = PAGE.format(server=server.url, clip=clip.pk).encode()
    context = browser.new_context()
    page = context.new_page()
    page.goto(origin.on("/page", answer(html, headers={"Content-Type": "text/html"})))
    yield page
    context.close()


def reports_of(page: Page) -> list[dict[str, Any]]:
    """Return the list to which the page's reports are added."""
    reports: list[dict[str, Any]] = []

    def add(request: Request) -> None:
        if request.url.endswith("/listens") and request.method == "POST":
            reports.append(json.loads(request.post_data or ""))

    page.on("request", add)
    return reports


def heard_in(reports: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Return the parts between a report that the audio plays and the next one."""
    return [
        (before["position"], min(LENGTH, after["position"]))
        for before, after in pairwise(reports)
        if before["state"] == "playing" and after["position"] > before["position"]
    ]


def length_of(parts: list[tuple[float, float]]) -> float:
    """Return the seconds that at least one of the parts contains."""
    total = reached = 0.0
    for start, end in sorted(parts):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total


@in_chromium
def test_what_is_played_skipped_and_looped_is_counted(page: Page, clip: Clip) -> None:
    reports = reports_of(page)
    page.locator("audio").evaluate(SCENE)
    until(lambda: page.evaluate("true") and reports[-1]["state"] == "paused")  # takes requests in
    until(lambda: Listen.objects.get().position == round(reports[-1]["position"] * 1000))
    parts = heard_in(reports)
    (first, skipped, looped) = parts[0], parts[-2], parts[-1]
    assert (first[0], skipped[1], looped[0]) == pytest.approx((0, LENGTH, 0), abs=0.3)
    assert 1.5 <= first[1] < 2.4
    assert skipped[0] == pytest.approx(6, abs=0.3)
    heard = heard_of(clip)
    assert heard["listens"] == 1
    assert heard["median_share"] == pytest.approx(length_of(parts) / LENGTH, abs=0.006)
    assert 0 < heard["seconds"] <= length_of(parts) + 0.002
    assert [heard["retention"][n] for n in (0, 1, 6, 10, 14, 16, 18, 19)] == [
        *(1, 1, 0, 0, 0, 1, 1, 1)
    ]
    assert len({report["session"] for report in reports}) == 1
    clip.refresh_from_db()
    assert clip.play_count == 1


@in_chromium
def test_last_position_is_reported_when_the_page_is_left(page: Page, clip: Clip) -> None:
    position = page.locator("audio").evaluate(PLAY_A_SECOND)
    until(lambda: Listen.objects.exists())
    page.goto("about:blank")
    until(lambda: Listen.objects.get().position >= position * 1000)
    assert Listen.objects.get().heard_length >= 900
