"""Times every kind of page with a hundred plays and with ten million: `python -m benchmarks.scale`.

Two databases of 100,000 clips on one embedded cluster, a service on each; every page is asked of
both in turn, so that what else the machine does strikes both alike. Told are medians, and their
ratio. With --keep the databases of an earlier run are used, and stay.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests
from tqdm import tqdm

FOLDER = Path(tempfile.gettempdir()) / "clips-benchmark-scale"
PAGES = {
    "list of 100": "/api/v1/clips",
    "clip": "/api/v1/clips/1",
    "stats of the most played clip": "/api/v1/clips/1/stats",
    "stats of a quiet clip": "/api/v1/clips/90000/stats",
    "stats, 12 months": "/api/v1/clips/1/stats?interval=month",
    "stats, hours of a week, Asia/Kolkata": "/api/v1/clips/1/stats?interval=hour&since={week}"
    "&timezone=Asia/Kolkata",
    "stats of the library": "/api/v1/stats",
    "top clips of 24 hours": "/api/v1/stats?window=last_24_hours&limit=100",
    "listening page": "/",
    "admin: dashboard": "/admin/",
    "admin: dashboard, top clips": "/admin/dashboard/top/",
    "admin: dashboard, sources": "/admin/dashboard/sources/",
    "admin: clips": "/admin/library/clip/",
    "admin: a clip": "/admin/library/clip/1/change/",
    "admin: plays": "/admin/library/playevent/",
}
PORTS = {"few": 8791, "many": 8792}


def main() -> None:
    """Make the databases, measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--plays", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--keep", action="store_true", help="use and leave them")
    options = parser.parse_args()
    if not options.keep:  # what an interrupted run has left is no library to measure
        shutil.rmtree(FOLDER, ignore_errors=True)
    if not FOLDER.exists():
        _run("few", "collectstatic", "--noinput", "--verbosity", "0")
        _run("few", "prepare", "--demo-editor")
        _make("few", options.clips, 100)
        _run("many", "prepare", "--demo-editor")
        _make("many", options.clips, options.plays)
    servers = [
        subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--config", "clips_site/server/gunicorn_conf.py"],
            env=_environment(name),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name in PORTS
    ]
    try:
        _measure(options.rounds)
    finally:
        for server in servers:
            server.terminate()
            server.wait()
    if not options.keep:
        shutil.rmtree(FOLDER)


def _environment(name: str) -> dict[str, str]:
    return os.environ | {
        "CLIPS_LOCAL_DIR": str(FOLDER),
        "POSTGRES_DB": name,
        "PORT": str(PORTS[name]),
        "CLIPS_METRICS_PORT": "0",
        "WEB_CONCURRENCY": "1",
        "CLIPS_THROTTLE": "off",
        "DJANGO_SETTINGS_MODULE": "clips_site.settings",
    }


def _run(name: str, *command: str) -> None:
    subprocess.run([sys.executable, "manage.py", *command], env=_environment(name), check=True)


def _make(name: str, clips: int, plays: int) -> None:
    code = (
        "import django; django.setup(); from benchmarks.scale.generate import generate;"
        f"generate({clips}, {plays})"
    )
    subprocess.run([sys.executable, "-c", code], env=_environment(name), check=True)


def _measure(rounds: int) -> None:
    week = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 6 * 86_400))
    sessions = {name: _editor(f"http://127.0.0.1:{port}") for name, port in PORTS.items()}
    print("| page | 100 plays, ms | 10 million, ms | ratio | first, ms |")
    print("|---|---|---|---|---|")
    for page, path in tqdm(PAGES.items(), unit="page"):
        times: dict[str, list[float]] = {name: [] for name in PORTS}
        for _ in range(rounds + 1):
            for name, session in sessions.items():
                url = f"http://127.0.0.1:{PORTS[name]}{path.format(week=week)}"
                began = time.perf_counter()
                session.get(url, timeout=120).raise_for_status()
                times[name].append((time.perf_counter() - began) * 1e3)
        few, many = (statistics.median(times[name][1:]) for name in PORTS)
        first = times["many"][0]
        print(f"| {page} | {few:.1f} | {many:.1f} | {many / few:.2f} | {first:.0f} |", flush=True)


def _editor(url: str) -> requests.Session:
    """A session of the demo editor, once the service answers."""
    session = requests.Session()
    for _ in range(300):
        try:
            session.get(f"{url}/readyz", timeout=5)
            break
        except requests.ConnectionError:
            time.sleep(0.1)
    page = session.get(f"{url}/admin/login/", timeout=30).text
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    form = {"username": "editor", "password": "editor", "csrfmiddlewaretoken": token and token[1]}
    session.post(f"{url}/admin/login/?next=/admin/", data=form, timeout=30).raise_for_status()
    return session


main()
