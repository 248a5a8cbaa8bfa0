"""`make run`: what gunicorn's master does before it forks the workers, and static files."""

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from pytest_django import Settings

from clips_site.static_files import collect_if_changed
from harness.service import Server
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
        until(lambda: server.log.read_text().count("The worker waits for tasks") == 1)
        killed = server.task_process()
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        until(lambda: server.log.read_text().count("The worker waits for tasks") == 2)
        tasks = server.task_process()
        assert tasks is not None
        lowest = os.getpriority(os.PRIO_PROCESS, tasks)
        others = {os.getpriority(os.PRIO_PROCESS, pid) for pid in server.workers()}
    finally:
        status = server.stop()
    assert len(clips) == 6
    assert len(threads) == 1, "a thread of the master would not survive the fork"
    assert (lowest, others) == (19, {0}), "streams go before tasks"
    assert status == 0
    assert not Path(f"/proc/{tasks}").exists()
    assert "The worker has stopped" in server.log.read_text()
    if not os.environ.get("POSTGRES_SERVER"):
        assert "Demo editor for /admin/: editor" in server.log.read_text()


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
