"""Audio elements in Chromium and Firefox, which seek far, back, and far again.

Both open the origin's page, whose script reports by itself. All but loopback is led to a port where
nobody listens, so that the browser's own affairs stay on this machine.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any
from urllib.parse import urlencode

from benchmarks.players.cases import Case, Check
from benchmarks.players.origin import Origin
from benchmarks.players.processes import SECONDS, PlayerError, installed, last_words, running
from benchmarks.players.sound import FORMATS

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FIREFOX = ("firefox-esr", "firefox")
TIMES = (20.0, 3.0, 22.0)
DURATION = 24.6
NOWHERE = "127.0.0.1:9"

CHROMIUM_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
    f"--proxy-server={NOWHERE}",  # Chromium never asks it for loopback
)
FIREFOX_PREFERENCES = {
    "app.update.auto": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "media.autoplay.default": 0,
    "network.proxy.type": 1,  # nor does Firefox
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
    """Every format in every browser."""
    does = f"plays at {', '.join(f'{time:g}' for time in TIMES)} s"
    for name in ("chromium", "firefox"):
        for audio in FORMATS:
            yield Case(name, does, audio, _in_browser(name, origin))


def _in_browser(name: str, origin: Origin) -> Check:
    def check(url: str, original: Path, folder: Path) -> str:
        program = installed(*(CHROMIUM if name == "chromium" else FIREFOX))
        assert program is not None
        report = f"/report/{folder.name}"
        reports = origin.reports[report] = Queue()
        asked = {"stream": url, "times": ",".join(map(str, TIMES)), "report": report}
        profile = folder / "profile"
        profile.mkdir()
        command = chromium if name == "chromium" else firefox
        with running(command(program, profile, f"{origin.url}/page?{urlencode(asked)}"), folder):
            try:
                found = json.loads(reports.get(timeout=SECONDS))
            except Empty:
                raise PlayerError(f"no report within {SECONDS} s: {last_words(folder)}") from None
        return _judged(found)

    return check


def _judged(found: dict[str, Any]) -> str:
    if "error" in found:
        raise PlayerError(found["error"])
    near = [abs(at - time) < 0.1 for at, time in zip(found["reached"], TIMES, strict=True)]
    long_enough = abs(found["duration"] - DURATION) < 0.3
    if not (long_enough and all(near) and found["played"] > 0.4 * len(TIMES)):
        raise PlayerError(json.dumps(found))
    reached = ", ".join(f"{at:.1f}" for at in found["reached"])
    return f"{found['duration']:.2f} s long, played at {reached} s"
