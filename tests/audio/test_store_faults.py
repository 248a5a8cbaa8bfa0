"""Faults of the store: full disks, dead processes, too many listeners."""

import errno
import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from harness.origin import Origin, answer, await_downloads, in_two_parts
from library.audio.entry import Entry
from library.audio.errors import AudioUnavailableError
from library.audio.eviction import LOCK_NAME, evict
from library.telemetry import instruments
from tests.audio.stores import AT_ONCE_STALE, EXPIRED, MakeStore, failure, opened, read


def refuse(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def stale(origin: Origin, make_store: MakeStore, mp3: bytes) -> str:
    """The URL of a stale copy in the store."""
    url = origin.on("/a", answer(mp3))
    read(make_store(AT_ONCE_STALE), url)
    await_downloads()
    return url


def test_fresh_copy_is_served_from_a_read_only_disk(
    origin: Origin, make_store: MakeStore, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = origin.on("/a", answer(mp3))
    read(make_store(), url)
    await_downloads()
    (metadata,) = make_store().folder.glob("*.json")
    os.utime(metadata, (0, 0))
    monkeypatch.setattr(os, "utime", refuse)
    assert read(make_store(), url) == mp3


@pytest.mark.parametrize("freshness", [AT_ONCE_STALE, EXPIRED])
def test_stale_copy_is_served_if_no_download_can_start(
    make_store: MakeStore,
    stale: str,
    mp3: bytes,
    monkeypatch: pytest.MonkeyPatch,
    freshness: object,
) -> None:
    monkeypatch.setattr("library.audio.entry.try_lock", refuse)
    assert read(make_store(freshness), stale) == mp3


def test_full_disk_fails_the_download_and_evicts_audio(
    origin: Origin, make_store: MakeStore, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = instruments.audio_store_write_failures
    fetches = instruments.origin_request_duration.labels("store_unavailable")
    counted_before = failures._value.get()
    fetched_before = sum(bucket.get() for bucket in fetches._buckets)
    read(make_store(), origin.on("/old", answer(mp3)))
    await_downloads()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with suppress(AudioUnavailableError):  # unless its bytes arrived before the disk was full
            make_store().open(origin.on("/a", answer(mp3))).file.close()
        await_downloads()
    left = {path.suffix for path in make_store().folder.iterdir()}
    assert not left & {".part", ".new", ".growing", ".audio"}
    assert failures._value.get() == counted_before + 1
    assert sum(bucket.get() for bucket in fetches._buckets) == fetched_before + 1
    assert read(make_store(failure_seconds=0), origin.url("/a")) == mp3


def test_download_without_a_thread_is_refused(
    origin: Origin, make_store: MakeStore, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    store, url = make_store(downloads=1), origin.on("/a", answer(mp3))
    with monkeypatch.context() as patch:
        patch.setattr(Thread, "start", no_thread)
        assert failure(store, url) == "store_unavailable"
    assert read(store, url) == mp3


@pytest.mark.parametrize("broken", ["open_current", "recent_failure"])
def test_failure_after_the_claim_releases_it(
    origin: Origin, make_store: MakeStore, mp3: bytes, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    store, url = make_store(), origin.on("/a", answer(mp3))
    store.folder.mkdir()
    entry = Entry(store.folder, url)
    with monkeypatch.context() as patch:
        patch.setattr(Entry, broken, refuse)
        with pytest.raises((AudioUnavailableError, OSError)):
            store._downloader.start(entry, 0)
    assert read(store, url) == mp3


def test_failure_to_remove_leftovers_releases_the_claim(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store()
    store.folder.mkdir()
    entry = Entry(store.folder, "http://127.0.0.1/a")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises(OSError, match="No space"):
            entry.claim()
    claim = entry.claim()
    assert claim is not None
    os.close(claim)


def test_next_download_removes_the_part_of_a_dead_one(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store, go_on = make_store(), Event()
    url = origin.on("/a", in_two_parts(mp3, 20_000, go_on))
    with opened(store, url) as growing:
        left, announced = growing.path, next(store.folder.glob("*.growing")).read_bytes()
        go_on.set()
    await_downloads()
    left.write_bytes(b"half")  # as after a crash
    (store.folder / f"{Entry(store.folder, url).key}.growing").write_bytes(announced)
    next(store.folder.glob("*.json")).unlink()
    assert read(store, url) == mp3
    await_downloads()
    assert not left.exists()


def test_downloads_of_one_process_are_limited(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store, go_on = make_store(downloads=1), Event()
    with opened(store, origin.on("/a", in_two_parts(mp3, 20_000, go_on))):
        assert failure(store, origin.on("/b", answer(mp3))) == "origin_busy"
        go_on.set()
    await_downloads()
    assert read(store, origin.url("/b")) == mp3


def test_forty_listeners_cost_one_request_to_a_failing_origin(
    origin: Origin, make_store: MakeStore
) -> None:
    store, go_on = make_store(failure_seconds=60), Event()

    def fail_late(connection: object, request: str) -> None:
        go_on.wait(10)
        answer(b"", "500 Oh")(connection, request)  # type: ignore[arg-type]

    url = origin.on("/a", fail_late)
    with ThreadPoolExecutor(40) as pool:
        listeners = [pool.submit(failure, store, url) for _ in range(40)]
        go_on.set()
        assert {one.result() for one in listeners} == {"origin_http_error"}
    assert origin.request_counts["/a"] == 1


def test_small_files_of_failures_are_removed_after_a_while(
    origin: Origin, make_store: MakeStore
) -> None:
    store = make_store()
    assert failure(store, origin.url("/old")) == "origin_http_error"
    await_downloads()
    old = {path for path in store.folder.iterdir() if path.suffix in (".failed", ".claim")}
    for path in store.folder.iterdir():
        os.utime(path, (0, 0))
    assert failure(store, origin.url("/new")) == "origin_http_error"
    await_downloads()
    assert len(old) == 2
    assert not [path for path in old if path.exists()]


def test_eviction_does_not_wait_for_another(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store = make_store()
    read(store, origin.on("/a", answer(mp3)))
    await_downloads()
    with (store.folder / LOCK_NAME).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert evict(store.folder, max_bytes=0).entries == 0
    assert evict(store.folder, max_bytes=0).entries == 1
