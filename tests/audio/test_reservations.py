"""Disk space that downloads reserve, and disks that become full while they last."""

import errno
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Event

import pytest

from harness.origin import Origin, answer, await_downloads, in_two_parts
from library.audio import parts
from library.audio.entry import Entry
from library.audio.errors import AudioUnavailableError
from library.audio.parts import STEP, DiskPart, Promises
from tests.audio.stores import MakeStore, opened, read

MOST = 1_000_000


@pytest.fixture
def reserved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of all reservations, in order."""
    sizes: list[int] = []
    monkeypatch.setattr(parts, "reserve", lambda _, size: sizes.append(size))
    return sizes


def part(folder: Path, length: int | None, promises: Promises) -> DiskPart:
    return DiskPart(Entry(folder, "http://host.example/"), length, promises, lambda _: None)


def test_unknown_length_is_reserved_step_by_step(tmp_path: Path, reserved: list[int]) -> None:
    with closing(part(tmp_path, None, Promises(MOST))) as disk:
        for size in (100, STEP, 2 * STEP, 3 * STEP):
            disk.grow(size)
    assert reserved == [1 + STEP, 2 * STEP + STEP]


def test_announced_bytes_that_never_arrive_reserve_a_limited_space(
    tmp_path: Path, reserved: list[int]
) -> None:
    promises = Promises(MOST)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(closing(part(tmp_path, 400_000, promises)))
        last = stack.enter_context(closing(part(tmp_path, 400_000, promises)))
        last.grow(STEP)
        last.grow(400_000)
    assert reserved == [400_000, 400_000, 1 + STEP, 1 + STEP, 400_000]
    part(tmp_path, MOST, promises).close()
    assert reserved[-1] == MOST


def full_above(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the disk have space for parts of at most `size` bytes."""

    def reserve(_: int, wanted: int) -> None:
        if wanted > size:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(parts, "reserve", reserve)
    monkeypatch.setattr(parts, "STEP", 10_000)


def test_audio_of_unknown_length_moves_into_memory_when_the_disk_is_full(
    origin: Origin, make_store: MakeStore, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_above(200_000, monkeypatch)
    store = make_store()
    url = origin.on("/a", answer(mp3, headers={"Content-Length": ""}))
    for _ in range(2):
        assert read(store, url) == mp3
        await_downloads()
    assert origin.request_counts == {"/a": 1}
    assert not [path for path in store.folder.iterdir() if path.suffix in (".part", ".audio")]


def test_full_disk_ends_announced_audio_that_could_not_be_reserved(
    origin: Origin, make_store: MakeStore, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_above(200_000, monkeypatch)
    store, go_on = make_store(max_bytes=100), Event()
    with opened(store, origin.on("/a", in_two_parts(mp3, 20_000, go_on))) as audio:
        go_on.set()
        with pytest.raises(AudioUnavailableError, match="origin_truncated"):
            list(audio.chunks(0, audio.size))
    await_downloads()
    assert not [path for path in store.folder.iterdir() if path.suffix in (".part", ".audio")]
