"""Open and follow audio in an asyncio event loop, without a thread that waits."""

import asyncio
import contextlib
import math
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import TypeVar

from library.audio.growth import Subscription
from library.audio.locks import poll_intervals
from library.audio.open_audio import POLL_SECONDS, OpenAudio
from library.audio.store import AudioStore

T = TypeVar("T")


async def open_audio_async(store: AudioStore, url: str) -> OpenAudio:
    """Return the audio at a URL, once it can be read. The caller closes it.

    Raises AudioUnavailableError if it cannot be fetched and no stale copy is stored.
    """
    opened = store.begin(url)
    if isinstance(opened, OpenAudio):
        return opened
    with contextlib.closing(opened) as pending:
        return await _wait_until(pending.topic, pending.poll, poll_intervals(math.inf))


async def wait_grown(audio: OpenAudio, position: int) -> int:
    """Wait until the file has bytes from `position` on, and return their number.

    Raises AudioUnavailableError if the download ends before `position`.
    """

    def ready() -> int | None:
        return audio.available(position)

    available = ready()
    if available is None:
        available = await _wait_until(audio.topic, ready, repeat(POLL_SECONDS), audio.size_now)
    return available


async def _wait_until(
    topic: str,
    ready: Callable[[], T | None],
    intervals: Iterator[float],
    progress: Callable[[], int] = lambda: 0,
) -> T:
    """Do what `growth.wait_until` does, in an event loop."""
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(changed.set)

    with Subscription(topic, wake, progress) as subscription:
        while True:
            changed.clear()
            result = ready()
            if result is not None:
                return result
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(subscription.patience(next(intervals))):
                    await changed.wait()
