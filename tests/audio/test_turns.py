"""Turns of downloads from one host, and the places of a process."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread

import pytest

from harness.origin import Origin, answer, await_downloads, in_two_parts
from library.audio import turns
from library.audio.errors import AudioUnavailableError
from library.audio.turns import Places, turn
from tests.audio.stores import MakeStore, failure, opened, read

URL = "http://host.example/a"


@pytest.mark.parametrize("slow", [4, 8, 20])
def test_slow_urls_do_not_keep_others_of_their_host_waiting(
    origin: Origin, make_store: MakeStore, mp3: bytes, slow: int
) -> None:
    store, go_on = make_store(slot_timeout=2.0, per_origin=4), Event()
    urls = [origin.on(f"/{n}", in_two_parts(mp3, 20_000, go_on)) for n in range(slow)]
    with ThreadPoolExecutor(slow) as pool:
        slow_reads = [pool.submit(read, store, url) for url in urls]
        assert read(store, origin.on("/fast", answer(mp3))) == mp3
        assert not any(one.done() for one in slow_reads)
        go_on.set()
        assert {one.result() for one in slow_reads} == {mp3}


def test_turns_are_taken_in_order(tmp_path: Path) -> None:
    ended, begun = Event(), Event()
    order: list[int] = []

    def take(number: int) -> None:
        with turn(tmp_path, URL, 1, 10.0):
            order.append(number)

    with ThreadPoolExecutor(10) as pool, turn(tmp_path, URL, 1, 10.0):
        for number in range(5):
            pool.submit(take, number)
            while len(turns._hosts["host.example"].queue) <= number:
                begun.wait(0.001)
        ended.set()
    assert order == [0, 1, 2, 3, 4]
    assert not turns._hosts


def test_turns_get_shorter_as_the_queue_gets_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LONGEST_TURN", 3600.0)
    release = Event()

    def take() -> None:
        with turn(tmp_path, URL, 2, 2.0):
            release.wait(10)

    with ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(take) for _ in range(20)]
        with turn(tmp_path, URL, 2, 2.0):
            release.set()
        for one in waiting:
            one.result()


def test_slot_of_another_host_is_free(tmp_path: Path) -> None:
    with turn(tmp_path, URL, 1, 0.1), turn(tmp_path, "http://other.example/", 1, 0.1):
        pass


def test_time_without_a_turn_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "SHORTEST_TURN", 3600.0)
    with (
        turn(tmp_path, URL, 1, 0.1),
        pytest.raises(AudioUnavailableError, match="origin_busy"),
        turn(tmp_path, URL, 1, 0.01),
    ):
        pass
    assert not turns._hosts


@pytest.mark.parametrize("fails", [False, True])
def test_hosts_without_a_slot_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    def try_lock(_: Path) -> None:
        if fails:
            raise PermissionError

    monkeypatch.setattr(turns, "try_lock", try_lock)  # another process holds the slots
    with (
        pytest.raises(PermissionError if fails else AudioUnavailableError),
        turn(tmp_path, URL, 1, 0.01),
    ):
        pass
    assert not turns._hosts


def test_turn_without_a_thread_to_end_it_ends_with_the_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", refuse)
    for _ in range(2):
        with turn(tmp_path, URL, 1, 0.01):
            pass
    assert not turns._hosts


def test_one_host_takes_at_most_half_of_the_places() -> None:
    places = Places(4)
    assert [places.take(URL) for _ in range(3)] == [True, True, False]
    assert [places.take(f"http://{host}.example/") for host in "abc"] == [True, True, False]
    places.give_back(URL)
    assert places.take(URL)


def test_downloads_of_one_host_leave_places_for_others(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store, go_on = make_store(downloads=2), Event()
    with opened(store, origin.on("/a", in_two_parts(mp3, 20_000, go_on))):
        assert failure(store, origin.url("/b")) == "origin_busy"
        go_on.set()
    await_downloads()
