"""`make run`: what gunicorn's master does before it forks the workers, and static files."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from pytest_django import Settings

from clips_site.static_files import collect_if_changed
from harness.service import ROOT, Server
from harness.waiting import until

LOCAL = "clips_site/server/gunicorn_local_conf.py"


def test_make_run_prepares_the_database_and_serves(transactional_db: None, tmp_path: Path) -> None:
    server = Server(tmp_path / "log", configuration=LOCAL)
    try:
        clips = requests.get(f"{server.url}/api/v1/clips", timeout=20).json()
        page = requests.get(server.url, timeout=20).text
        (style,) = re.findall(r'href="(/static/[^"]+\.css)"', page)[:1]
        assert requests.get(server.url + style, timeout=20).status_code == 200
        threads = os.listdir(f"/proc/{server.pid}/task")
        until(lambda: server.task_process() is not None)
        killed = server.task_process()
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        until(lambda: server.task_process() not in (None, killed))
        tasks = server.task_process()
        assert tasks is not None
        until(lambda: os.getpriority(os.PRIO_PROCESS, tasks) == 19)
        others = {os.getpriority(os.PRIO_PROCESS, pid) for pid in server.workers()}
        second = subprocess.run(
            [sys.executable, "-m", "gunicorn", "--config", LOCAL],
            cwd=ROOT,
            env=server.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    finally:
        status = server.stop()
    assert len(clips) == 6
    assert len(threads) == 1, "a thread of the master would not survive the fork"
    assert others == {0}, "streams go before tasks"
    assert status == 0
    assert not Path(f"/proc/{tasks}").exists()
    assert_only_the_box_and_requests(server)
    assert second.returncode == 1
    address = f"http://localhost:{server.port}/ (process {server.pid})"
    assert second.stdout.splitlines()[0] == f"Clips Service is already running at {address}."


def assert_only_the_box_and_requests(server: Server) -> None:
    """Check the output. Warnings and errors would appear, such as that of the killed process."""
    output = server.log.read_text().splitlines()
    root = f"http://localhost:{server.port}"
    start = next(number for number, line in enumerate(output) if line.startswith("+--"))
    titles = [line.split()[1] for line in output[start + 1 : start + 6]]
    assert titles == ["Listen", "API", "Back", "Metrics", "Stop"]
    assert f"{root}/admin/" in output[start + 3]
    assert f"{root}/metrics" in output[start + 4], "there is no process for metrics"
    lines = [json.loads(line) for line in output if line.startswith("{")]
    assert {line["logger"] for line in lines if line["level"] == "info"} == {"clips_site.access"}
    if not os.environ.get("POSTGRES_SERVER"):
        assert "(editor, password editor)" in output[start + 3]
        assert output[start + 7].startswith("Administrator: admin, password ")


def test_make_run_names_a_database_that_cannot_be_reached(
    transactional_db: None, tmp_path: Path
) -> None:
    elsewhere = {"POSTGRES_SERVER": "127.0.0.1", "POSTGRES_PORT": "9"}
    with pytest.raises(AssertionError, match=r"POSTGRES_SERVER=127\.0\.0\.1, port 9"):
        Server(tmp_path / "log", configuration=LOCAL, **elsewhere)


@pytest.fixture
def source(settings: Settings, tmp_path: Path) -> Path:
    """A folder of static files, which is not yet collected."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.css").write_text("a {}")
    settings.STATICFILES_DIRS = [source]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = tmp_path / "collected"
    return source


def add(source: Path) -> None:
    (source / "b.css").write_text("b {}")


def change(source: Path) -> None:
    status = (source / "a.css").stat()
    (source / "a.css").write_text("b {}")
    os.utime(source / "a.css", ns=(status.st_atime_ns, status.st_mtime_ns))


def remove(source: Path) -> None:
    (source / "a.css").unlink()


def rename(source: Path) -> None:
    (source / "a.css").rename(source / "b.css")


@pytest.mark.parametrize("edit", [add, change, remove, rename])
def test_static_files_are_collected_again_only_after_a_change(
    source: Path, settings: Settings, edit: Callable[[Path], None]
) -> None:
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    collect_if_changed()
    assert "a.css" in manifest.read_text()
    manifest.write_text("as it was")
    collect_if_changed()
    assert manifest.read_text() == "as it was"
    edit(source)
    collect_if_changed()
    assert manifest.read_text() != "as it was"


def test_deleted_static_files_are_collected_again(source: Path, settings: Settings) -> None:
    collect_if_changed()
    for path in Path(settings.STATIC_ROOT).iterdir():
        path.unlink()
    collect_if_changed()
    assert (Path(settings.STATIC_ROOT) / "a.css").read_text() == "a {}"
