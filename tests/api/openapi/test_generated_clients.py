"""Typed clients generated from the OpenAPI description: type checked, then run.

The programs that use them are in tests/api/clients. Both must print the same.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mutagen.id3 import ID3, TIT2

from harness.service import ROOT, Server
from library.models import ApiToken, Clip
from tests.support.editors import editor
from tests.support.sounds import MP3_FRAME

MakeClip = Callable[..., Clip]

CLIENTS = ROOT / "tests" / "api" / "clients"
CACHE = ROOT / ".local" / "clients"  # of npm packages and of mypy
FOUND = {
    "uploaded": [2.612, "Tagged", 200, "not_audio"],
    "jazz": ["Blue", "Green"],
    "range": [206, 100],
    "plays": 1,  # the range begins the audio
    "missing": "not_found",
    "wrong": ["limit.min_value"],
}


def run(*command: object, folder: Path) -> str:
    """Run a command and return its output. Fail with the output if the command fails."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def parsed(output: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output)
    return found


@pytest.fixture(autouse=True)
def _clips(make_clip: MakeClip) -> None:
    for title, genre in (("Blue", "jazz"), ("Rain", "nature"), ("Green", "Jazz")):
        make_clip(title=title, genre=genre)


def test_python_client_is_typed_and_works(server: Server, tmp_path: Path) -> None:
    generator = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"]
    config = CLIENTS / "python" / "generator.yml"
    made = ["--meta", "none", "--output-path", tmp_path / "clips_client"]
    run(
        *(*generator, "--url", f"{server.url}/openapi.json", "--config", config, *made),
        folder=tmp_path,
    )
    shutil.copy(CLIENTS / "python" / "consumer.py", tmp_path)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file="]
    run(*mypy, "--cache-dir", CACHE / "mypy", "consumer.py", folder=tmp_path)
    token = ApiToken.objects.issue(editor(), "clients")
    arguments = (server.url, token, song(tmp_path))
    found = parsed(run(sys.executable, "consumer.py", *arguments, folder=tmp_path))
    assert found == FOUND | {"added": [201, "FROM PYTHON", None, "unchecked"]}


@pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("npm")), reason="needs Node.js: make system-tools"
)
def test_typescript_client_is_typed_and_works(server: Server, tmp_path: Path) -> None:
    folder = npm_packages(CLIENTS / "typescript")
    shutil.copy(CLIENTS / "typescript" / "consumer.ts", folder)
    tools = folder / "node_modules" / ".bin"
    run(
        *(tools / "openapi-typescript", f"{server.url}/openapi.json", "-o", "schema.ts"),
        folder=folder,
    )
    run(tools / "tsc", folder=folder)
    token = ApiToken.objects.issue(editor(), "clients")
    arguments = (server.url, token, song(tmp_path))
    found = parsed(run("node", "built/consumer.js", *arguments, folder=folder))
    assert found == FOUND | {"added": [201, "FROM TYPESCRIPT", None, "unchecked"]}


def song(folder: Path) -> Path:
    """Return an MP3 with a title in its tag."""
    path = folder / "song.mp3"
    path.write_bytes(MP3_FRAME * 100)
    tag = ID3()
    tag.add(TIT2(encoding=3, text=["Tagged"]))
    tag.save(path, v1=0)
    return path


def npm_packages(project: Path) -> Path:
    """Return a folder with the packages of the project's lock file, installed once."""
    folder = CACHE / project.name
    lock = folder / "package-lock.json"
    wanted = (project / "package-lock.json").read_bytes()
    if not (folder / "installed").exists() or lock.read_bytes() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json", "tsconfig.json"):
            shutil.copy(project / name, folder)
        run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", folder=folder)
        (folder / "installed").touch()
    shutil.copy(project / "tsconfig.json", folder)
    return folder
