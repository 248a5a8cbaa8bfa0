"""Opening and following audio in an event loop: no thread waits, and one download serves all."""

import asyncio
import threading
from contextlib import closing
from threading import Event

import pytest

from harness.origin import Origin, answer, await_downloads, in_two_parts
from library.audio.async_reading import open_audio_async, wait_grown
from library.audio.errors import AudioUnavailableError
from library.audio.open_audio import OpenAudio
from library.audio.pending import Pending
from tests.audio.stores import AT_ONCE_STALE, EXPIRED, MakeStore, read, read_async

FIRST = 20_000  # bytes that the origin sends before it waits


def test_begin_returns_before_the_origin_responds(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    go_on = Event()
    url = origin.on("/a", in_two_parts(mp3, 0, go_on))
    with closing(make_store().begin(url)) as pending:
        assert isinstance(pending, Pending)
        assert pending.poll() is None
        go_on.set()


def test_begin_returns_stored_audio_at_once(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    url = origin.on("/a", answer(mp3))
    read(make_store(), url)
    await_downloads()
    with closing(make_store().begin(url)) as audio:
        assert isinstance(audio, OpenAudio)
        assert audio.stored


def test_a_crowd_in_one_loop_costs_one_download_and_one_thread(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    go_on = Event()
    url = origin.on("/a", in_two_parts(mp3, FIRST, go_on))
    stores = [make_store(), make_store()]

    async def crowd() -> list[bytes]:
        loop = asyncio.get_running_loop()
        loop.call_later(0.1, lambda: names.extend(t.name for t in threading.enumerate()))
        loop.call_later(0.2, go_on.set)
        return await asyncio.gather(*(read_async(stores[n % 2], url) for n in range(100)))

    names: list[str] = []
    assert set(asyncio.run(crowd())) == {mp3}
    assert origin.request_counts["/a"] == 1
    assert len([name for name in names if name.startswith("fetch ")]) == 1


def test_growth_wakes_a_reader(origin: Origin, make_store: MakeStore, mp3: bytes) -> None:
    go_on = Event()
    url = origin.on("/a", in_two_parts(mp3, FIRST, go_on))

    async def follow() -> tuple[int, int]:
        with closing(await open_audio_async(make_store(), url)) as audio:
            while (at_first := await wait_grown(audio, 0)) < FIRST:
                pass
            waiting = asyncio.ensure_future(wait_grown(audio, FIRST))
            await asyncio.sleep(0)
            assert not waiting.done()
            go_on.set()
            return at_first, await waiting

    at_first, more = asyncio.run(follow())
    assert at_first == FIRST
    assert 0 < more <= len(mp3) - FIRST


def test_truncated_download_fails_its_readers(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    go_on = Event()
    url = origin.on("/a", in_two_parts(mp3, FIRST, go_on, whole=False))

    async def follow() -> None:
        with closing(await open_audio_async(make_store(), url)) as audio:
            go_on.set()
            await wait_grown(audio, FIRST)

    with pytest.raises(AudioUnavailableError, match="origin_truncated"):
        asyncio.run(follow())


def test_failure_reaches_every_listener(origin: Origin, make_store: MakeStore) -> None:
    store = make_store(failure_seconds=60)

    async def crowd() -> list[object]:
        opening = [open_audio_async(store, origin.url("/none")) for _ in range(20)]
        return list(await asyncio.gather(*opening, return_exceptions=True))

    assert {str(error) for error in asyncio.run(crowd())} == {"origin_http_error"}
    assert origin.request_counts["/none"] == 1


def test_wait_for_a_silent_origin_ends(origin: Origin, make_store: MakeStore, mp3: bytes) -> None:
    go_on, store = Event(), make_store()
    store._longest_download = 0.1
    opening = open_audio_async(store, origin.on("/a", in_two_parts(mp3, 0, go_on)))
    with pytest.raises(AudioUnavailableError, match="origin_timeout"):
        asyncio.run(opening)
    go_on.set()


def test_expired_copy_is_served_when_the_origin_fails(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    url = origin.on("/a", answer(mp3))
    read(make_store(AT_ONCE_STALE), url)
    await_downloads()
    origin.on("/a", answer(b"oh", "500 Oh"))
    assert asyncio.run(read_async(make_store(EXPIRED), url)) == mp3


def test_listener_that_leaves_does_not_stop_the_others(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    go_on = Event()
    url = origin.on("/a", in_two_parts(mp3, 0, go_on))

    async def crowd() -> bytes:
        first, *others = (asyncio.ensure_future(read_async(make_store(), url)) for _ in range(3))
        await asyncio.sleep(0)
        first.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await first
        bodies = await asyncio.gather(*others)
        assert set(bodies) == {mp3}
        return bodies[0]

    asyncio.run(crowd())


def test_download_goes_on_after_the_loop_has_been_closed(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    go_on = Event()
    url = origin.on("/a", in_two_parts(mp3, 0, go_on))
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # it would log that the task never ends
    waiting = loop.create_task(read_async(make_store(), url))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    go_on.set()
    await_downloads()
    assert read(make_store(), url) == mp3
    coroutine = waiting.get_coro()
    assert coroutine is not None
    coroutine.close()
