"""The front's handler with parts to switch off."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp.web import BaseRequest

from clips_site.server.front import exchange, streams
from clips_site.server.front.handler import Handler
from clips_site.server.front.reply import Reply
from clips_site.server.logs.access_lines import AccessLog
from library.telemetry import http_requests


class NoMeter:
    """A stream's meter that does nothing."""

    def __init__(self, began: float | None) -> None: ...

    def start(self) -> None: ...

    def finish(self, sent: int, outcome: str) -> None: ...


def nothing(*_: object) -> None:
    """Count nothing."""


METRICS = (
    (exchange, "_add_in_progress", nothing),
    (http_requests, "count", nothing),
    (streams, "StreamMeter", NoMeter),
)
COUNTING = [getattr(module, name) for module, name, _ in METRICS]


class MeasuredHandler(Handler):
    """The handler of a worker, with metrics and the log to switch on and off."""

    ended: asyncio.Event

    def switch(self, *, metrics: bool, log: bool) -> None:
        for (module, name, off), on in zip(METRICS, COUNTING, strict=True):
            setattr(module, name, on if metrics else off)
        self._log = AccessLog("json", logging.INFO) if log else None
        self.ended = asyncio.Event()

    async def __call__(self, request: BaseRequest) -> Reply:
        reply = await super().__call__(request)
        assert reply.status in (200, 206), reply.status
        end = reply.on_end

        def on_end() -> None:
            end()
            self.ended.set()

        reply.on_end = on_end
        return reply


@contextmanager
def piped_stderr() -> Iterator[None]:
    """Connect standard error to a pipe with a reader, as it is in a container."""
    terminal = sys.stderr
    with (
        subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as reader,
        open(reader.stdin.fileno(), "w", buffering=1, closefd=False) as pipe,  # type: ignore[union-attr]
    ):
        sys.stderr = pipe
        try:
            yield
        finally:
            sys.stderr = terminal
