"""Mixed traffic: clients browse, listen to the end, leave early, seek and request missing clips."""

import math
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

import requests

from harness.client import add_clip, new_session
from harness.origin import Origin

WAVE = 150.0  # seconds between two busy times
KILOBYTE = 1024
TITLES = ("Rainy Window", "Night Bus", "Copper Kettle", "Low Tide", "Paper Planes", "Second Floor")


def add_origin_clips(url: str, origin: Origin) -> list[int]:
    """Add clips of an origin to a service; return their IDs."""
    return [add_clip(url, title, origin.url(f"/{title.replace(' ', '-')}")) for title in TITLES]


class Traffic:
    """Sends `rate` requests per second on average, in waves, until the `with` block ends."""

    def __init__(self, url: str, clips: list[int], rate: float, threads: int = 24) -> None:
        self._clips_url = f"{url}/api/v1/clips"
        self._clips = clips  # the most popular first
        self._pause = threads / rate
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=(number,), daemon=True)
            for number in range(threads)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=30)

    def _send(self, seed: int) -> None:
        chance = random.Random(seed)
        acts: list[Callable[[requests.Session, random.Random], None]]
        acts = [self._browse, self._view, self._listen, self._leave, self._seek, self._miss]
        with new_session() as session:
            while True:
                wave = 1 + 0.6 * math.sin(2 * math.pi * time.monotonic() / WAVE)
                if self._over.wait(chance.expovariate(wave / self._pause)):
                    return
                (act,) = chance.choices(acts, (6, 6, 8, 2, 3, 1))
                with suppress(requests.RequestException):  # monitoring has to notice failures
                    act(session, chance)

    def _stream(self, chance: random.Random) -> str:
        place = min(int(chance.expovariate(0.25)), len(self._clips) - 1)
        return f"{self._clips_url}/{self._clips[place]}/stream"

    def _browse(self, session: requests.Session, chance: random.Random) -> None:
        session.get(self._clips_url, params={"limit": 20}, timeout=10)

    def _view(self, session: requests.Session, chance: random.Random) -> None:
        clip = chance.choice(self._clips)
        session.get(f"{self._clips_url}/{clip}{chance.choice(['', '/stats'])}", timeout=10)

    def _listen(self, session: requests.Session, chance: random.Random) -> None:
        with session.get(self._stream(chance), stream=True, timeout=10) as answer:
            for piece in answer.iter_content(64 * KILOBYTE):
                time.sleep(len(piece) / KILOBYTE / chance.uniform(200, 2000))

    def _leave(self, session: requests.Session, chance: random.Random) -> None:
        with session.get(self._stream(chance), stream=True, timeout=10) as answer:
            next(answer.iter_content(16 * KILOBYTE), None)

    def _seek(self, session: requests.Session, chance: random.Random) -> None:
        fields = {"Range": f"bytes={chance.randrange(300) * KILOBYTE}-"}
        session.get(self._stream(chance), headers=fields, timeout=10)

    def _miss(self, session: requests.Session, chance: random.Random) -> None:
        session.get(f"{self._clips_url}/999999/stream", timeout=10)
