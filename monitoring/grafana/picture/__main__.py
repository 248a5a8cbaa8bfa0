"""Draws the dashboards with Grafana's own components: `make dashboard-picture`.

The service runs under mixed traffic, a real Prometheus watches it for some minutes, every query of
every panel is asked of that, and headless Chromium shows the answers with the npm package
@grafana/ui. No Grafana runs: its package exists in no registry of pip or npm.
"""

import argparse
import json
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright
from tqdm import tqdm

from benchmarks.monitored.clips import add_clips, add_trouble
from benchmarks.monitored.origin import Origin
from benchmarks.monitored.service import Postgres, Service
from benchmarks.monitored.traffic import Traffic
from monitoring.running import Prometheus

HERE = Path(__file__).parent
IMAGES = HERE.parents[2] / "docs/images"
FOUND = HERE.parents[2] / ".local/dashboard-picture.json"
NOTE = (
    "Drawn with @grafana/ui {version} from the data of a real Prometheus that watched the service "
    "for {minutes} minutes, {day}. Not a screenshot of Grafana."
)
SCRAPED_EVERY = 2  # seconds
WIDTH = 1400
BUNDLE = (
    *("npx", "esbuild", "page.jsx", "--bundle", "--minify", "--jsx=automatic"),
    *("--define:process.env.NODE_ENV='production'", "--log-level=error"),
    *("--loader:.woff2=dataurl", "--loader:.svg=dataurl", "--loader:.png=dataurl"),
    *("--loader:.woff=empty", "--loader:.ttf=empty"),
)


def main() -> None:
    """Watch, ask, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=8, help="of traffic")
    parser.add_argument("--rate", type=float, default=30, help="requests per second, on average")
    parser.add_argument("--again", action="store_true", help="draw what the last run found")
    options = parser.parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    if not options.again:
        FOUND.write_text(json.dumps(found(options.minutes, options.rate)))
    draw(FOUND.read_text(), IMAGES)


def found(minutes: float, rate: float) -> dict[str, Any]:
    """All that the page shows."""
    dashboard = json.loads((HERE.parent / "dashboards/clips.json").read_text())
    package = json.loads((HERE / "package.json").read_text())
    note = NOTE.format(
        version=package["dependencies"]["@grafana/ui"],
        minutes=f"{minutes:g}",
        day=datetime.now(UTC).date(),
    )
    return watched(dashboard, minutes, rate) | {"dashboard": dashboard, "note": note}


def watched(dashboard: dict[str, Any], minutes: float, rate: float) -> dict[str, Any]:
    """What Prometheus answers to the dashboard after some minutes of traffic."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = Postgres(folder / "postgres")
        stack.callback(postgres.close)
        origin = stack.enter_context(Origin())
        # Room for a few clips of the origin only, so that eviction is to be seen.
        room = {"CLIPS_AUDIO_STORE_BYTES": "3000000", "CLIPS_ORIGIN_FAILURE_SECONDS": "20"}
        service = stack.enter_context(Service(folder, postgres, **room))
        watcher = folder / "prometheus"
        watcher.mkdir()
        prometheus = stack.enter_context(
            Prometheus(watcher, service.targets, factor=1, interval=f"{SCRAPED_EVERY}s")
        )
        clips = add_clips(service, origin, ours=(1, 4, 2, 6, 3, 5)) + add_trouble(service, origin)
        stack.enter_context(Traffic(service.url, clips, rate))
        began = time.time()
        for _ in tqdm(range(round(minutes * 60)), desc="watching", unit="s"):
            time.sleep(1)
        return answers(prometheus, dashboard, began + 3 * SCRAPED_EVERY, time.time())


def answers(
    prometheus: Prometheus, dashboard: dict[str, Any], since: float, until: float
) -> dict[str, Any]:
    """The series of every panel's queries: over the time, or of its end."""
    variables = {
        "$__rate_interval": f"{8 * SCRAPED_EVERY}s",
        "$__range": f"{until - since:.0f}s",
        "$job": ".+",
        "$instance": ".+",
    }
    found: dict[int, dict[str, Any]] = {}
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"]
            for name, value in variables.items():
                query = query.replace(name, value)
            series = (
                prometheus.range(query, since, until, SCRAPED_EVERY)
                if target["range"]
                else prometheus.query(query)
            )
            found.setdefault(panel["id"], {})[target["refId"]] = [s._asdict() for s in series]
    return {"since": since, "until": until, "answers": found}


def draw(picture: str, images: Path) -> None:
    """Show it in Chromium, and keep what is seen: all of it, and its first row by itself."""
    subprocess.run(["npm", "install", "--no-progress"], cwd=HERE, check=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        shutil.copy(HERE / "page.html", folder)
        (Path(folder) / "data.js").write_text(f"window.picture = {picture}")
        subprocess.run([*BUNDLE, f"--outfile={folder}/page.js"], cwd=HERE, check=True)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": 1000})
        page.goto(f"file://{folder}/page.html")
        page.wait_for_function("document.querySelectorAll('canvas').length === window.charts")
        page.evaluate("document.fonts.ready")
        whole = Path(folder) / "whole.png"
        page.screenshot(path=whole, full_page=True)
        first = page.evaluate("document.querySelectorAll('.row')[1].getBoundingClientRect().y")
        browser.close()
        _reduce(whole, images / "dashboard-whole.png")
        _reduce(whole, images / "dashboard.png", f"crop={WIDTH}:{first:.0f}:0:0,")


def _reduce(whole: Path, path: Path, crop: str = "") -> None:
    """The same picture with 96 colours: a third of its size."""
    colors = f"{crop}split[a][b];[a]palettegen=max_colors=96[p];[b][p]paletteuse=dither=none"
    command = ["ffmpeg", "-loglevel", "error", "-y", "-i", str(whole), "-vf", colors, str(path)]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
