"""Audio stores in a test's folder, and what can be read from them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from library.audio.errors import AudioUnavailableError
from library.audio.freshness import Freshness
from library.audio.open_audio import OpenAudio
from library.audio.store import AudioStore

AT_ONCE_STALE = Freshness(least=0, most=0, while_revalidating=3600)
STALE_AND_OLD = Freshness(least=0, most=0, while_revalidating=-1)
MakeStore = Callable[..., AudioStore]


@contextmanager
def opened(store: AudioStore, url: str) -> Iterator[OpenAudio]:
    """Open the audio of a URL, and close its file afterwards."""
    audio = store.open(url)
    with audio.file:
        yield audio


def read(store: AudioStore, url: str) -> bytes:
    """Return all bytes of a URL's audio."""
    with opened(store, url) as audio:
        return b"".join(audio.chunks(0, audio.size))


def failure(store: AudioStore, url: str) -> str:
    """Return the code of the error that opening the URL raises."""
    with pytest.raises(AudioUnavailableError) as raised:
        store.open(url)
    return raised.value.code
