"""The commands in docs/uploading.md do what it says."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from mutagen.id3 import ID3, TIT2, TPE1

from harness.service import ROOT, Server
from library.models import ApiToken, Clip
from tests.support.editors import editor
from tests.support.sounds import MP3_FRAME

PAGE = (ROOT / "docs" / "uploading.md").read_text()
# The commands and the output of each block, but not the first, which sets the token.
BLOCKS = re.findall(r"```console\n(.+?)```", PAGE, re.DOTALL)[1:]
pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not shutil.which("curl"), reason="needs curl"),
]


def split(block: str) -> tuple[str, str]:
    """Return the commands of a block and its output."""
    commands: list[str] = []
    output: list[str] = []
    for line in block.splitlines():
        goes_on = commands and commands[-1].endswith("\\")
        if line.startswith("$ ") or goes_on:
            commands.append(line.removeprefix("$ "))
        else:
            output.append(line)
    return "\n".join(commands), "\n".join(output)


def test_examples(server: Server, tmp_path: Path) -> None:
    song = tmp_path / "song.mp3"
    song.write_bytes(MP3_FRAME * 100)
    tag = ID3()
    tag.add(TIT2(encoding=3, text=["Night Drive"]))
    tag.add(TPE1(encoding=3, text=["Ann"]))
    tag.save(song)
    token = ApiToken.objects.issue(editor(), "curl")
    environment = {**os.environ, "TOKEN": token, "no_proxy": "*"}
    for block in BLOCKS:
        commands, output = split(block)
        number = next(iter(Clip.objects.values_list("pk", flat=True)), 7)
        commands = commands.replace("localhost:8000", server.url).replace(
            "clips/7", f"clips/{number}"
        )
        done = subprocess.run(
            ["sh", "-ec", commands], cwd=tmp_path, env=environment, capture_output=True, text=True
        )  # fmt: skip
        pattern = re.escape(output).replace("…", ".*").replace('"id":7', r'"id":\d+')
        assert re.fullmatch(pattern, done.stdout.strip()), done.stdout + done.stderr
    assert len(BLOCKS) == 4
