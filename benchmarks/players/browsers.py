"""Audio elements in Chromium and Firefox that seek forwards, backwards and forwards again.

The origin serves a page whose script posts a report. A proxy setting sends every request that is
not for loopback to a closed port, so that the browsers' own traffic stays on this machine.
"""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any
from urllib.parse import urlencode

from benchmarks.players.cases import Case, Check
from benchmarks.players.processes import TIMEOUT, PlayerError, error_output, installed, running
from benchmarks.players.sound import FORMATS
from harness.origin import Handler, Origin, answer

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FIREFOX = ("firefox-esr", "firefox")
TIMES = (20.0, 3.0, 22.0)
DURATION = 24.6
CLOSED_PORT = "127.0.0.1:9"
PAGE = Path(__file__).with_name("page.html")

CHROMIUM_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
    f"--proxy-server={CLOSED_PORT}",  # not used for loopback
)
FIREFOX_PREFERENCES = {
    "app.update.auto": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "media.autoplay.default": 0,
    "network.proxy.type": 1,  # not used for loopback
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "toolkit.telemetry.enabled": False,
}


def chromium(program: str, profile: Path, page: str) -> list[str]:
    return [program, *CHROMIUM_OPTIONS, f"--user-data-dir={profile}", page]


def firefox(program: str, profile: Path, page: str) -> list[str]:
    preferences = "".join(
        f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
        for name, value in FIREFOX_PREFERENCES.items()
    )
    (profile / "user.js").write_text(preferences)
    return [program, "--headless", "--no-remote", "--profile", str(profile), page]


def cases(origin: Origin) -> Iterator[Case]:
    """Yield every format in every browser."""
    does = f"plays at {', '.join(f'{time:g}' for time in TIMES)} s"
    for name in ("chromium", "firefox"):
        for audio in FORMATS:
            yield Case(name, does, audio, _in_browser(name, origin))


def _in_browser(name: str, origin: Origin) -> Check:
    def check(url: str, original: Path, folder: Path) -> str:
        program = installed(*(CHROMIUM if name == "chromium" else FIREFOX))
        assert program is not None
        reports: Queue[bytes] = Queue()
        report = origin.on(f"/report/{folder.name}", _put_bodies(reports))
        query = urlencode({"stream": url, "times": ",".join(map(str, TIMES)), "report": report})
        html = answer(PAGE.read_bytes(), headers={"Content-Type": "text/html; charset=utf-8"})
        page = origin.on(f"/page?{query}", html)
        profile = folder / "profile"
        profile.mkdir()
        command = chromium if name == "chromium" else firefox
        with running(command(program, profile, page), folder):
            try:
                found = json.loads(reports.get(timeout=TIMEOUT))
            except Empty:
                raise PlayerError(f"no report within {TIMEOUT} s: {error_output(folder)}") from None
        return _describe(found)

    return check


def _put_bodies(reports: Queue[bytes]) -> Handler:
    """Return a handler that puts each request's body into a queue."""

    def handle(connection: socket.socket, request: str) -> None:
        head, _, start = request.partition("\r\n\r\n")
        length = int(head.lower().partition("content-length: ")[2].split("\r\n")[0])
        body = start.encode("latin-1")
        while len(body) < length:
            body += connection.recv(length - len(body))
        reports.put(body)
        answer()(connection, request)

    return handle


def _describe(found: dict[str, Any]) -> str:
    if "error" in found:
        raise PlayerError(found["error"])
    near = [abs(at - time) < 0.1 for at, time in zip(found["reached"], TIMES, strict=True)]
    long_enough = abs(found["duration"] - DURATION) < 0.3
    if not (long_enough and all(near) and found["played"] > 0.4 * len(TIMES)):
        raise PlayerError(json.dumps(found))
    reached = ", ".join(f"{at:.1f}" for at in found["reached"])
    return f"{found['duration']:.2f} s long, played at {reached} s"
