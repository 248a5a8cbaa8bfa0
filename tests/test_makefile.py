"""What the Makefile runs: the progress of pip, and the removal of everything."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.service import ROOT

pytestmark = pytest.mark.processes
PIP = """
import sys
assert "--require-hashes" in sys.argv
for line, name in ((1, "a"), (4, "b"), (5, "c")):
    print(f"Collecting {name}==1 (from -r requirements.txt (line {line}))")
print("Ignoring d: markers don't match (line 6)")
print("Installing collected packages: a, b, c")
if "broken" in sys.argv[-1]:
    sys.exit("ERROR: No matching distribution found for c==1")
"""


def install(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    """Run requirements/install.py with a stand-in for pip."""
    (folder / "pip").mkdir()
    (folder / "pip/__init__.py").touch()
    (folder / "pip/__main__.py").write_text(PIP)
    (folder / name).write_text(
        "a==1 \\\n    --hash=sha256:1\n    # via b\nb[x]==1\nc==1\nd==1 ; no\n"
    )
    return subprocess.run(
        [sys.executable, ROOT / "requirements/install.py", name],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_installation_shows_its_progress_in_few_lines(tmp_path: Path) -> None:
    result = install(tmp_path, "requirements.txt")
    first, *lines, last = result.stdout.splitlines()
    assert (result.returncode, result.stderr) == (0, "")
    assert first == f"Installing 4 packages into {sys.prefix}"
    assert lines == [f"  Downloading {done} of 4" for done in (1, 2, 3)]
    assert last.startswith("Installed in ")


def test_failed_installation_shows_the_reason(tmp_path: Path) -> None:
    result = install(tmp_path, "broken.txt")
    assert result.returncode == 1
    assert "No matching distribution found for c==1" in result.stderr
    assert "Installed in" not in result.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what `make run` leaves."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in (".local", ".venv"):
        (tmp_path / name).mkdir()
    return tmp_path


def clean(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "clean"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_clean_removes_everything(checkout: Path) -> None:
    (checkout / ".local/running-8000").write_text("999999999 http://localhost:8000\n")
    assert clean(checkout).returncode == 0
    assert [path.name for path in checkout.iterdir()] == ["Makefile"]


def test_clean_refuses_while_the_service_runs(checkout: Path) -> None:
    (checkout / ".local/running-8000").write_text(f"{os.getpid()} http://localhost:8000\n")
    result = clean(checkout)
    assert result.returncode != 0
    assert f"running at http://localhost:8000/ (process {os.getpid()})" in result.stderr
    assert (checkout / ".local").exists()
