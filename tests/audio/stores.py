"""Stores with short timeouts, and ways to read from them."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from library.audio.async_reading import open_audio_async, wait_grown
from library.audio.errors import AudioUnavailableError
from library.audio.freshness import Freshness
from library.audio.open_audio import OpenAudio
from library.audio.store import AudioStore

AT_ONCE_STALE = Freshness(least=0, most=0, while_revalidating=3600)
EXPIRED = Freshness(least=0, most=0, while_revalidating=-1)  # too old to serve before revalidation
MakeStore = Callable[..., AudioStore]


@contextmanager
def opened(store: AudioStore, url: str) -> Iterator[OpenAudio]:
    with closing(store.open(url)) as audio:
        yield audio


def read(store: AudioStore, url: str) -> bytes:
    with opened(store, url) as audio:
        return b"".join(audio.chunks(0, audio.size))


async def read_async(store: AudioStore, url: str) -> bytes:
    """Read whole audio as an event loop does: wait only where no bytes have arrived."""
    with closing(await open_audio_async(store, url)) as audio:
        body = b""
        while len(body) < audio.size:
            await wait_grown(audio, len(body))
            body += audio.file.read()
        return body


def failure(store: AudioStore, url: str) -> str:
    with pytest.raises(AudioUnavailableError) as raised:
        store.open(url)
    return raised.value.code
