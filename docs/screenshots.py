"""Take the pictures of the pages that the README shows: `make screenshots`.

Chromium (`make system-tools`) visits a new service with the samples, clips added by editors and a
month of plays.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from harness.chromium import running_browser
from harness.installation import Installation
from harness.service import ROOT
from harness.waiting import until

IMAGES = ROOT / "docs" / "images"
# Name, path, width, height, scheme
PUBLIC = (
    ("listen", "/", 1280, 860, "light"),
    ("listen-phone", "/", 390, 844, "dark"),
    ("clip", "/clips/5", 1280, 860, "dark"),
    ("docs", "/docs", 1280, 860, "light"),
)
BACK_OFFICE = (
    ("admin-dashboard", "/admin/", 1280, 860, "light"),
    ("admin-clips", "/admin/library/clip/", 1280, 860, "light"),
    ("admin-clip", "/admin/library/clip/1/change/", 1280, 860, "dark"),
)
PLAYS = """
from datetime import timedelta
import random
from django.utils import timezone
from library.models import Clip
from tests.support.plays import add_plays
now, dice = timezone.now(), random.Random(7)
for clip in Clip.objects.order_by("id"):
    days = [dice.randrange(30) for _ in range(dice.randrange(60, 400))]
    add_plays(clip, [now - timedelta(days=d, minutes=dice.randrange(1400)) for d in days])
"""
CLIPS = """
from datetime import timedelta
from django.utils import timezone
from library.models import Clip, Health, State
now = timezone.now()
fields = dict(genre="field recording", duration=21.0)
Clip.objects.create(title="Harbour at Dawn", state=State.DRAFT, tags=["gulls", "water"],
    audio_url="https://audio.example.org/harbour.mp3", creator="Ann Example", **fields)
Clip.objects.create(title="Night Train", audio_url="https://old.example.net/train.mp3",
    health=Health.FAILING, health_reason="origin_http_error", health_since=now - timedelta(days=2),
    health_checked_at=now, creator="Ann Example", **fields)
"""


def main() -> None:
    """Start the service, and take every picture."""
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="clips-pictures-") as folder:
        installation = Installation(Path(folder))
        installation.prepare("--first-accounts")
        installation.manage("analyse_clips")
        installation.run_python(PLAYS)
        with installation.start() as server, running_browser() as browser:
            for picture in PUBLIC:
                _take(browser, server.url, *picture)
            installation.run_python(CLIPS)
            for picture in BACK_OFFICE:
                _take(browser, server.url, *picture)


def _take(browser: Browser, url: str, name: str, path: str, w: int, h: int, scheme: str) -> None:
    context = browser.new_context(
        viewport={"width": w, "height": h}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = context.new_page()
    if path.startswith("/admin/"):
        page.goto(f"{url}/admin/login/")
        page.get_by_label("Username").fill("editor")
        page.get_by_label("Password").fill("editor")
        page.get_by_role("button", name="Log in").click()
        page.wait_for_load_state("networkidle")
    page.goto(f"{url}{path}")
    page.wait_for_load_state("networkidle")
    if path == "/":
        page.locator(".clip-play").nth(1).click()
        until(lambda: page.evaluate("document.querySelector('audio').currentTime > 5"))
    page.screenshot(path=IMAGES / f"{name}.png")
    sys.stderr.write(f"{name}\n")
    context.close()


if __name__ == "__main__":
    main()
