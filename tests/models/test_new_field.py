"""The recipe “Add a field to clips” is complete: nothing else has to be edited.

In a copy of the project, two fields are added to the model and to the declaration. Then
`test_fields.py` runs there for these fields, on a database of its own.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.service import ROOT

MODEL = """\
    bpm = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Beats per minute.")
    mood = models.CharField(max_length=40, null=True, blank=True)
    content_type = models.CharField("""
DECLARATION = """\
    ClipField("bpm", EDITORS, CLIP, shown=True, filtered=True, example=120),
    ClipField("mood", EDITORS, CLIP, shown=True, filtered=True, example="calm"),
    ClipField("content_type","""


def insert(path: Path, text: str) -> None:
    """Replace the last line of the text, which the file has once, with the whole text."""
    before = path.read_text()
    place = text.splitlines()[-1]
    assert before.count(place) == 1
    path.write_text(before.replace(place, text))


def run(copy: Path, *command: str) -> str:
    """Run Python in the copy, with a database of its own."""
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env=environment | {"POSTGRES_DB": f"new_field_{os.getpid()}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().split("\0"):
        if (ROOT / name).is_file() and not name.startswith(("fixtures/audio/", "docs/images/")):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.processes
def test_recipe_names_every_edit(copy: Path) -> None:
    insert(copy / "library/models/clip.py", MODEL)
    insert(copy / "library/models/fields.py", DECLARATION)
    run(copy, "manage.py", "makemigrations", "library", "--name", "bpm_and_mood")
    tests = run(
        copy, "-m", "pytest", "-n0", "-q", "tests/models/test_fields.py", "-k", "bpm or mood"
    )
    assert "24 passed" in tests
