"""A mirror that follows the feed equals the list, whenever it and the writers are killed."""

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connection

from harness.service import ROOT, Server
from tests.clients.mirror import LEFT_OUT, Mirror
from tests.support.recipes import linked_clip

CLIENTS = ROOT / "tests" / "clients"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a program of tests/clients; it is killed at the end."""
    started = []

    def start(name: str, *arguments: object) -> "subprocess.Popen[str]":
        command = [sys.executable, str(CLIENTS / f"{name}.py"), *map(str, arguments)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def await_lines(process: "subprocess.Popen[str]", number: int) -> None:
    assert process.stdout
    for _ in range(number):
        assert process.stdout.readline()


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()


def listed(base_url: str) -> list[dict[str, Any]]:
    found, url = [], f"{base_url}/api/v1/clips?limit=1000"
    while url:
        response = requests.get(url, timeout=30)
        found += response.json()
        url = response.links.get("next", {}).get("url", "")
    for clip in found:
        del clip[LEFT_OUT]
    return found


SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.proof) for seed in range(2, 12))]


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_mirror_of_killed_writers_equals_the_list(
    server: Server, start: Start, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    linked_clip.make(_quantity=30)
    settings = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    access = " ".join(f"{name}={settings[name]}" for name in names if settings.get(name))
    file, url = tmp_path / "mirror", f"http://127.0.0.1:{server.port}"
    writers = [start("writer", access, seed * 100 + number) for number in range(3)]
    for turn in range(4):
        mirror = start("mirror", url, file)
        await_lines(writers[turn % 3], dice.randrange(20, 60))
        kill(mirror)
        kill(writers[turn % 3])
        writers[turn % 3] = start("writer", access, seed * 100 + turn + 10)
    for writer in writers:
        await_lines(writer, 1)
        kill(writer)
    assert start("mirror", url, file, "--once").wait(timeout=60) == 0
    mirrored = Mirror(url, str(file)).clips()
    assert len(mirrored) > 1
    assert mirrored == listed(url)
