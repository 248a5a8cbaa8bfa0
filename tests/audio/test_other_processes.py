"""Downloads of another process, which announces nothing here: readers poll its files."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event

import pytest

from harness.origin import Origin, answer, await_downloads, in_two_parts
from library.audio import growth
from library.audio.async_reading import open_audio_async, wait_grown
from library.audio.errors import AudioUnavailableError
from tests.audio.stores import AT_ONCE_STALE, MakeStore, opened, read, read_async

pytestmark = pytest.mark.processes
FIRST = 20_000  # bytes that the origin sends before it waits

# Downloads a URL into a store's folder and prints a line once its audio can be read.
OTHER_PROCESS = """
import sys
from pathlib import Path
from library.audio.origin import OriginClient, OriginLimits
from library.audio.origin_policy import OriginPolicy
from library.audio.store import AudioStore
client = OriginClient(OriginPolicy(["127.0.0.1"]), OriginLimits(), via="other")
audio = AudioStore(Path(sys.argv[1]), client).open(sys.argv[2])
print("readable", flush=True)
for _ in audio.chunks(0, audio.size):
    pass
audio.close()
"""


@contextmanager
def downloaded_elsewhere(folder: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that downloads, from when its audio can be read."""
    command = [sys.executable, "-c", OTHER_PROCESS, str(folder), url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"readable\n"
        yield process
        process.kill()


def test_download_of_another_process_is_followed(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    go_on = Event()
    url = origin.on("/a", in_two_parts(mp3, FIRST, go_on))
    store = make_store()

    async def crowd() -> list[bytes]:
        listening = [asyncio.ensure_future(read_async(store, url)) for _ in range(10)]
        await asyncio.sleep(0)
        listening[0].cancel()  # it polled for the others
        go_on.set()
        return await asyncio.gather(*listening[1:])

    with downloaded_elsewhere(store.folder, url):
        assert set(asyncio.run(crowd())) == {mp3}
    assert origin.request_counts["/a"] == 1


def test_reader_of_a_later_range_does_not_delay_the_others(
    origin: Origin, make_store: MakeStore, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "RELIEVED_SECONDS", 3600.0)
    first_half, second_half = Event(), Event()

    def in_three_parts(connection: socket.socket, request: str) -> None:
        in_two_parts(mp3, FIRST, first_half, whole=False)(connection, request)
        connection.sendall(mp3[FIRST:50_000])
        second_half.wait(10)
        connection.sendall(mp3[50_000:])

    url = origin.on("/a", in_three_parts)
    store = make_store()

    async def follow() -> int:
        with (
            closing(await open_audio_async(store, url)) as audio,
            closing(await open_audio_async(store, url)) as other,
        ):
            later = asyncio.ensure_future(wait_grown(audio, 60_000))  # polls, as it came first
            await asyncio.sleep(0)
            waiting = asyncio.ensure_future(wait_grown(other, FIRST))
            await asyncio.sleep(0)
            first_half.set()
            grown = await waiting
            assert not later.done()
            second_half.set()
            await later
            return grown

    with downloaded_elsewhere(store.folder, url):
        assert 0 < asyncio.run(follow()) <= 50_000 - FIRST


def test_killed_process_fails_its_readers_and_the_next_download_succeeds(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    go_on = Event()
    url = origin.on("/a", in_two_parts(mp3, FIRST, go_on))
    store = make_store()

    async def follow(process: subprocess.Popen[bytes]) -> None:
        with closing(await open_audio_async(store, url)) as audio:
            process.kill()
            await wait_grown(audio, FIRST)

    with (
        downloaded_elsewhere(store.folder, url) as process,
        pytest.raises(AudioUnavailableError, match="origin_truncated"),
    ):
        asyncio.run(follow(process))
    go_on.set()
    assert asyncio.run(read_async(store, url)) == mp3
    assert origin.request_counts["/a"] == 2


def test_threads_follow_a_download_of_another_process(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    go_on = Event()
    url = origin.on("/a", in_two_parts(mp3, FIRST, go_on))
    store = make_store()
    with downloaded_elsewhere(store.folder, url), opened(store, url) as audio:
        chunks = audio.chunks(0, audio.size)
        body = next(chunks)
        go_on.set()
        assert body + b"".join(chunks) == mp3


# Copies that another process changes while this one knows their metadata


@pytest.fixture
def known(origin: Origin, make_store: MakeStore, mp3: bytes) -> str:
    """The URL of a stale copy that this process has served."""
    url = origin.on("/a", answer(mp3))
    store = make_store(AT_ONCE_STALE)
    read(store, url)
    await_downloads()
    return url


def test_copy_that_another_process_replaced_is_served(
    origin: Origin, make_store: MakeStore, known: str, mp3: bytes
) -> None:
    origin.on("/a", answer(mp3[:50_000]))
    with downloaded_elsewhere(make_store().folder, known) as process:
        process.wait(20)
    assert read(make_store(), known) == mp3[:50_000]
    assert origin.request_counts["/a"] == 2


def test_copy_that_another_process_evicted_is_downloaded_again(
    origin: Origin, make_store: MakeStore, known: str, mp3: bytes
) -> None:
    program = "import sys; from library.audio.eviction import *; evict(Path(sys.argv[1]), 0)"
    subprocess.run([sys.executable, "-c", program, str(make_store().folder)], check=True)
    assert read(make_store(), known) == mp3
    assert origin.request_counts["/a"] == 2
