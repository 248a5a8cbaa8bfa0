"""The service as `make run` starts it, its peers, and the origin of the audio."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

from benchmarks.speed.load import Target
from benchmarks.speed.processes import prefer
from harness.client import new_session
from harness.nginx import Nginx, NginxProgram
from harness.origin import SAMPLES
from harness.postgres import DATABASE, Postgres
from harness.service import ROOT, Server, free_port

PEERS = ROOT / ".local/peers/bin"
PEER_DATABASE = "peer"
CLIPS, SIZE = 100, 480_000  # bytes: half a minute of 128 kbit/s
AUDIO = (SAMPLES[0].read_bytes() + SAMPLES[1].read_bytes())[:SIZE]
FIELDS = ("title", "description", "genre", "duration", "audio_url")


class Product(Server):
    """The service with the defaults of `make run`, and its data in a folder."""

    DEFAULTS: ClassVar = {"CLIPS_THROTTLE": "off", "CLIPS_ORIGIN_ALLOW": "127.0.0.1"}

    def __init__(self, folder: Path, **environment: str) -> None:
        super().__init__(
            folder / "product.log",
            "clips_site/server/gunicorn_local_conf.py",
            CLIPS_LOCAL_DIR=str(folder),
            CLIPS_METRICS_PORT=str(free_port()),
            **{"POSTGRES_DB": DATABASE, "POSTGRES_SERVER": "", **environment},
        )

    def start(self, **environment: str) -> None:
        super().start(**environment)
        prefer(self.pid)


class Peer:
    """A peer on two uvicorn workers: `sync_app` or `async_app`."""

    def __init__(self, folder: Path, application: str, environment: dict[str, str]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [str(PEERS / "uvicorn"), f"benchmarks.peers.{application}:app", "--workers=2"]
        command += [f"--port={port}", "--log-level=warning", "--no-access-log"]
        with (folder / f"{application}.log").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid
        prefer(self.pid)
        with new_session() as session:
            while self._process.poll() is None:
                try:
                    session.get(f"{self.url}/api/v1/clips", timeout=5).raise_for_status()
                except OSError:
                    time.sleep(0.05)
                else:
                    return
        raise RuntimeError((folder / f"{application}.log").read_text())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)


@contextmanager
def running_origin(folder: Path) -> Iterator[str]:
    """Serve the audio of `/0.mp3` to `/99.mp3` by nginx; yield the origin's URL."""
    audio = folder / "audio"
    audio.mkdir(parents=True)
    for number in range(CLIPS):
        (audio / f"{number}.mp3").write_bytes(AUDIO)
    port = free_port()
    server = (
        f"server {{ listen 127.0.0.1:{port}; root {audio}; types {{ audio/mpeg mp3; }}"
        "tcp_nopush off; keepalive_requests 1000000; }"
    )
    with NginxProgram(folder, server):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running_peers(folder: Path, postgres: Postgres) -> Iterator[dict[str, Peer]]:
    """Start both peers on a new database."""
    with postgres.connect("postgres") as connection:
        connection.execute(f"CREATE DATABASE {PEER_DATABASE}")
    environment = os.environ | {"PEER_SOCKET": postgres.server, "PEER_DATABASE": PEER_DATABASE}
    command = [str(PEERS / "python"), "-m", "benchmarks.peers.tables"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(Peer(folder, f"{name}_app", environment))
            for name in ("sync", "async")
        }


@contextmanager
def running_accelerated(folder: Path) -> Iterator[tuple[Product, Nginx]]:
    """Start a second service on the same data, behind nginx, which sends the audio."""
    (folder / "nginx").mkdir()
    accelerated = {"CLIPS_ACCEL_LOCATION": "/_audio", "CLIPS_TRUSTED_PROXIES": "1"}
    with (
        Product(folder, **accelerated) as product,
        Nginx(folder / "nginx", product.port, folder) as nginx,
    ):
        yield product, nginx


def fill(url: str, origin: str, samples: list[dict[str, Any]]) -> range:
    """Add these samples and the clips of the origin to a service; return the IDs of the latter."""
    clips = [{field: sample[field] for field in FIELDS} for sample in samples]
    clips += [
        {
            "title": f"Clip {number}",
            "description": "Words of a description. " * 4,
            "genre": "electronic",
            "duration": 30.0,
            "audio_url": f"{origin}/{number}.mp3",
        }
        for number in range(CLIPS)
    ]
    with new_session() as session:
        ids = []
        for clip in clips:
            answer = session.post(f"{url}/api/v1/clips", json=clip, timeout=20)
            answer.raise_for_status()
            ids.append(answer.json()["id"])
    return range(ids[-CLIPS], ids[-1] + 1)


def samples_of(url: str) -> list[dict[str, Any]]:
    """Return the clips that a new service starts with."""
    with new_session() as session:
        clips: list[dict[str, Any]] = session.get(f"{url}/api/v1/clips", timeout=20).json()
        return clips


def warm(target: Target) -> None:
    """Request each clip's audio once."""
    with new_session() as session:
        for clip in target.clips:
            answer = session.get(f"{target.url}/api/v1/clips/{clip}/stream", timeout=20)
            assert answer.content == AUDIO
