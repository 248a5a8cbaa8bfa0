"""Audio that does not fit on the disk passes through memory."""

import errno
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from harness.origin import Origin, answer, await_downloads, in_two_parts
from library.audio.errors import AudioUnavailableError
from library.audio.memory import Memory
from library.audio.metadata import Metadata
from library.audio.origin_response import CHUNK_BYTES
from library.telemetry import instruments
from tests.audio.stores import EXPIRED, MakeStore, failure, opened, read


def refuse(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(autouse=True)
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("library.audio.parts.reserve", refuse)


def test_many_cold_streams_are_served_from_a_full_disk(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store = make_store()
    failures = instruments.audio_store_write_failures._value.get()
    urls = [origin.on(f"/{n}", answer(mp3)) for n in range(8)]
    with ThreadPoolExecutor(16) as pool:
        bodies = set(pool.map(lambda url: read(store, url), urls * 2))
    await_downloads()
    assert bodies == {mp3}
    assert set(origin.request_counts.values()) == {1}
    assert not [path for path in store.folder.iterdir() if path.suffix in (".part", ".audio")]
    assert instruments.audio_store_write_failures._value.get() == failures + 8


def test_audio_in_memory_can_be_read_while_it_grows_and_in_any_part(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store, go_on = make_store(), Event()
    with opened(store, origin.on("/a", in_two_parts(mp3, 20_000, go_on))) as audio:
        assert b"".join(audio.chunks(0, 20_000)) == mp3[:20_000]
        assert not audio.whole
        go_on.set()
        assert b"".join(audio.chunks(len(mp3) - 10, 10)) == mp3[-10:]
        with opened(store, origin.url("/a")) as other:
            assert b"".join(other.chunks(5, 10)) == mp3[5:15]
            assert (other.etag, other.last_modified) == (audio.etag, audio.last_modified)
    assert origin.request_counts["/a"] == 1


def test_audio_of_unknown_length_passes_as_well(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store = make_store(memory_bytes=3 * len(mp3))
    urls = [origin.on(f"/{n}", answer(mp3, headers={"Content-Length": ""})) for n in range(8)]
    for url in urls:
        assert read(store, url) == mp3
        assert read(store, url) == mp3
        await_downloads()
    assert set(origin.request_counts.values()) == {1}


def test_audio_of_unknown_length_takes_no_more_memory_than_there_is(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store = make_store(memory_bytes=len(mp3) - 1)
    url = origin.on("/a", answer(mp3, headers={"Content-Length": ""}))
    assert failure(store, url) == "store_unavailable"


def test_truncated_audio_fails_its_readers(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store, go_on = make_store(), Event()
    with opened(store, origin.on("/a", in_two_parts(mp3, 20_000, go_on, whole=False))) as audio:
        go_on.set()
        with pytest.raises(AudioUnavailableError, match="origin_truncated"):
            list(audio.chunks(0, audio.size))
    await_downloads()
    origin.on("/a", answer(mp3))
    assert read(make_store(failure_seconds=0), origin.url("/a")) == mp3


def test_audio_that_is_not_fresh_is_requested_again(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store, url = make_store(EXPIRED), origin.on("/a", answer(mp3))
    assert read(store, url) == mp3
    await_downloads()
    origin.on("/a", answer(mp3[:50_000]))
    assert read(store, url) == mp3[:50_000]


def test_audio_that_was_not_used_lately_makes_room(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store = make_store(memory_bytes=2 * len(mp3) + 10)
    for path in ("/a", "/b", "/a", "/c", "/a", "/b"):
        assert read(store, origin.on(path, answer(mp3))) == mp3
        await_downloads()
    assert origin.request_counts == {"/a": 1, "/b": 2, "/c": 1}


def test_memory_that_downloads_use_is_not_taken_from_them(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store, go_on = make_store(memory_bytes=len(mp3) + 10, slot_timeout=0.1), Event()
    with opened(store, origin.on("/a", in_two_parts(mp3, 20_000, go_on))) as audio:
        assert failure(store, origin.on("/b", answer(mp3))) == "store_unavailable"
        go_on.set()
        assert b"".join(audio.chunks(0, audio.size)) == mp3


@pytest.mark.parametrize("length", [True, False])
def test_download_waits_for_memory_of_others(
    origin: Origin, make_store: MakeStore, mp3: bytes, length: bool
) -> None:
    store, go_on = make_store(memory_bytes=len(mp3) + CHUNK_BYTES, slot_timeout=3.0), Event()
    second = answer(mp3, headers={} if length else {"Content-Length": ""})
    with (
        ThreadPoolExecutor(1) as pool,
        opened(store, origin.on("/a", in_two_parts(mp3, 20_000, go_on))) as audio,
    ):
        waiting = pool.submit(read, store, origin.on("/b", second))
        while not origin.request_counts["/b"]:
            go_on.wait(0.001)
        assert audio.size_now() < len(mp3)
        go_on.set()
        assert waiting.result() == mp3
        assert b"".join(audio.chunks(0, audio.size)) == mp3


def test_audio_whose_memory_is_needed_as_soon_as_it_is_saved_is_dropped() -> None:
    memory = Memory(100, timeout=0.01)
    part = memory.new_part("a", 100)
    part.save(Metadata("", "", 100, "audio/mpeg", '""', 0, 0.0, 0.0, {}))
    memory.new_part("b", 100).close()
    part.close()
    assert memory.open("a", "") is None


def test_audio_in_memory_counts_as_a_hit_once_it_is_whole(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    def counted() -> dict[str, float]:
        results = ("miss", "joined", "hit")
        return {
            name: instruments.audio_store_requests.labels(name)._value.get() for name in results
        }

    store, go_on = make_store(), Event()
    before = counted()
    with opened(store, origin.on("/a", in_two_parts(mp3, 20_000, go_on))):
        store.open(origin.url("/a")).close()
        go_on.set()
    await_downloads()
    for _ in range(3):
        store.open(origin.url("/a")).close()
    changes = {name: number - before[name] for name, number in counted().items()}
    assert changes == {"miss": 1, "joined": 1, "hit": 3}


def test_audio_is_evicted_before_memory_is_used(
    origin: Origin, make_store: MakeStore, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store()
    with monkeypatch.context() as patch:
        patch.setattr("library.audio.parts.reserve", lambda *_: None)
        read(store, origin.on("/old", answer(mp3)))
        await_downloads()

    def full_while_anything_is_stored(*_: object) -> None:
        if list(store.folder.glob("*.audio")):
            refuse()

    monkeypatch.setattr("library.audio.parts.reserve", full_while_anything_is_stored)
    assert read(store, origin.on("/new", answer(mp3))) == mp3
    await_downloads()
    assert len(list(store.folder.glob("*.audio"))) == 1


@pytest.mark.parametrize("function", ["entry", "turns"])
def test_full_disk_without_space_for_a_lock_is_no_obstacle(
    origin: Origin,
    make_store: MakeStore,
    mp3: bytes,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
) -> None:
    store = make_store()
    Path(store.folder).mkdir()
    monkeypatch.setattr(f"library.audio.{function}.try_lock", refuse)
    assert read(store, origin.on("/a", answer(mp3))) == mp3
