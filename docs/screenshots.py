"""Takes the pictures of the pages that the README shows: `python -m docs.screenshots`.

A service of its own, on a database of its own with the sample clips, some that editors added and
plays of a month; Debian's Chromium (`make system-tools`) looks at it.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
# Name, path, width, height, scheme
PICTURES = (
    ("admin-dashboard", "/admin/", 1280, 860, "light"),
    ("admin-clips", "/admin/library/clip/", 1280, 860, "light"),
    ("admin-clip", "/admin/library/clip/1/change/", 1280, 860, "dark"),
    ("admin-clips-phone", "/admin/library/clip/", 390, 844, "dark"),
    ("listen", "/", 1280, 860, "light"),
    ("docs", "/docs", 1280, 860, "light"),
)
FILL = """
from datetime import timedelta
import random
from django.utils import timezone
from library.models import Clip, Health, State
from library.plays import rebuild
from tests.support.plays import add_plays
now, dice = timezone.now(), random.Random(7)
for clip in Clip.objects.order_by("id"):
    days = [dice.randrange(30) for _ in range(dice.randrange(60, 400))]
    add_plays(clip, [now - timedelta(days=d, minutes=dice.randrange(1400)) for d in days])
made = dict(genre="field recording", duration=21.0)
Clip.objects.create(title="Harbour at Dawn", state=State.DRAFT, tags=["gulls", "water"],
    audio_url="https://audio.example.org/harbour.mp3", creator="Ann Example", **made)
Clip.objects.create(title="Night Train", audio_url="https://old.example.net/train.mp3",
    health=Health.FAILING, health_reason="origin_http_error", health_since=now - timedelta(days=2),
    health_checked_at=now, creator="Ann Example", **made)
"""


def main() -> None:
    """Start the service, and take every picture."""
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="clips-pictures-") as folder, sync_playwright() as playwright:
        Path(folder).chmod(0o755)  # for a database that is not root's
        with _service(Path(folder)) as url:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
            )
            for picture in PICTURES:
                _take(browser, url, *picture)
            browser.close()


@contextmanager
def _service(folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = os.environ | {
        "CLIPS_LOCAL_DIR": str(folder / "local"),
        "CLIPS_METRICS_PORT": "0",
        "DJANGO_SETTINGS_MODULE": "clips_site.settings",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "POSTGRES_SERVER": "",
    }

    def manage(*arguments: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=True
        )

    manage("collectstatic", "--noinput", "--verbosity", "0")
    manage("prepare", "--demo-editor", "--verbosity", "0")
    manage("shell", "--no-imports", "--command", FILL)
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--config", "clips_site/server/gunicorn_conf.py"],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _await(f"{url}/readyz")
        yield url
    finally:
        process.terminate()
        process.wait()


def _await(url: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - of ours
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(url)


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
    page.screenshot(path=IMAGES / f"{name}.png")
    sys.stderr.write(f"{name}\n")
    context.close()


if __name__ == "__main__":
    main()
