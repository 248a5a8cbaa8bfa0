"""The audio store: one download for all listeners, and no broken audio is stored."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from harness.origin import Origin, answer, await_downloads, in_two_parts
from library.audio import turns
from library.audio.entry import Entry
from library.audio.errors import AudioUnavailableError
from library.audio.eviction import evict
from library.audio.freshness import Freshness
from library.telemetry import instruments
from tests.audio.stores import AT_ONCE_STALE, EXPIRED, MakeStore, failure, opened, read
from tests.support.sounds import FTYP, box, flac, id3, movie, mp4, track


def test_thirty_concurrent_listeners_cost_one_download(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    url, go_on = origin.url("/a"), Event()
    origin.on("/a", in_two_parts(mp3, 20_000, go_on))
    stores = [make_store(), make_store(), make_store()]
    with ThreadPoolExecutor(30) as pool:
        bodies = [pool.submit(read, stores[n % 3], url) for n in range(30)]
        go_on.set()
        assert {body.result() for body in bodies} == {mp3}
    assert origin.request_counts["/a"] == 1


def test_audio_is_readable_before_the_download_ends(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    go_on = Event()
    with opened(make_store(), origin.on("/a", in_two_parts(mp3, 20_000, go_on))) as audio:
        assert b"".join(audio.chunks(0, 20_000)) == mp3[:20_000]
        assert not audio.whole
        go_on.set()


def test_two_frames_of_mp3_are_enough_to_read_it(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    go_on = Event()
    with opened(make_store(), origin.on("/a", in_two_parts(mp3, 900, go_on))) as audio:
        assert b"".join(audio.chunks(0, 900)) == mp3[:900]
        go_on.set()


def test_audio_behind_a_large_tag_is_read_once_its_type_is_certain(
    origin: Origin, make_store: MakeStore
) -> None:
    content, go_on = id3(300_000) + flac(50), Event()
    url = origin.on("/a", in_two_parts(content, 300_100, go_on))
    with opened(make_store(), url) as audio:
        assert (audio.content_type, audio.size) == ("audio/flac", len(content))
        assert b"".join(audio.chunks(0, 300_000)) == content[:300_000]
        go_on.set()


def test_video_is_refused_however_late_its_index_comes(
    origin: Origin, make_store: MakeStore
) -> None:
    store = make_store()
    video = FTYP + box(b"mdat", bytes(500_000)) + movie(track(), track(b"vide", b"avc1"))
    for name, content in {"/last": video, "/first": mp4(track(), track(b"vide", b"avc1"))}.items():
        assert failure(store, origin.on(name, answer(content))) == "origin_video"
    await_downloads()
    assert {path.suffix for path in store.folder.iterdir()} <= {
        ".failed",
        ".claim",
        ".slot",
        ".lock",
    }


def test_range_at_the_end_waits_for_its_bytes(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    go_on = Event()
    with opened(make_store(), origin.on("/a", in_two_parts(mp3, 20_000, go_on))) as audio:
        go_on.set()
        assert b"".join(audio.chunks(len(mp3) - 10, 10)) == mp3[-10:]


def test_audio_without_content_length_is_downloaded_before_it_is_served(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    go_on = Event()
    url = origin.on("/a", in_two_parts(mp3, 20_000, go_on, length=False))
    with ThreadPoolExecutor() as pool:
        opening = pool.submit(make_store().open, url)
        go_on.set()
        with opening.result().file:
            assert opening.result().size == len(mp3)
            assert opening.result().whole


def test_download_continues_after_its_listener_disconnects(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store, go_on = make_store(), Event()
    url = origin.on("/a", in_two_parts(mp3, 20_000, go_on))
    store.open(url).file.close()
    go_on.set()
    await_downloads()
    assert read(make_store(), url) == mp3
    assert origin.request_counts["/a"] == 1


def test_truncated_download_fails_its_readers_and_leaves_no_files(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store, go_on = make_store(), Event()
    url = origin.on("/a", in_two_parts(mp3, 20_000, go_on, whole=False))
    with opened(store, url) as audio:
        go_on.set()
        with pytest.raises(AudioUnavailableError, match="origin_truncated"):
            list(audio.chunks(0, audio.size))
    await_downloads()
    assert not [path for path in store.folder.iterdir() if path.suffix in (".audio", ".part")]


def test_etag_stays_the_same_after_the_download(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store, go_on = make_store(), Event()
    url = origin.on("/a", in_two_parts(mp3, 20_000, go_on))
    with opened(store, url) as growing:
        go_on.set()
    await_downloads()
    with opened(make_store(), url) as saved:
        assert saved.stored
        assert (saved.etag, saved.last_modified) == (growing.etag, growing.last_modified)


def test_strong_etag_of_the_origin_gives_the_same_etag_on_all_machines(
    origin: Origin, make_store: MakeStore, mp3: bytes, tmp_path: Path
) -> None:
    url = origin.on("/a", answer(mp3, headers={"ETag": '"v1"'}))
    here = make_store()
    with opened(here, url) as first:
        pass
    await_downloads()
    elsewhere = make_store(folder=tmp_path / "another machine")
    with opened(elsewhere, url) as second:
        assert second.etag == first.etag


# Freshness


def test_fresh_copy_is_served_without_a_request(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store, url = make_store(), origin.on("/a", answer(mp3))
    assert read(store, url) == read(store, url) == mp3
    await_downloads()
    assert read(make_store(), url) == mp3
    assert origin.request_counts["/a"] == 1


def test_stale_copy_is_served_and_revalidated(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store = make_store(AT_ONCE_STALE)
    modified = "Sun, 01 Nov 2026 12:00:00 GMT"
    url = origin.on("/a", answer(mp3, headers={"ETag": '"v1"', "Last-Modified": modified}))
    read(store, url)
    await_downloads()
    origin.on("/a", answer(status="304 Not Modified", headers={"Content-Length": ""}))
    assert read(store, url) == mp3
    await_downloads()
    assert 'If-None-Match: "v1"' in origin.requests[1]
    assert f"If-Modified-Since: {modified}" in origin.requests[1]


def test_new_body_replaces_the_stale_one(origin: Origin, make_store: MakeStore, mp3: bytes) -> None:
    store, url = make_store(AT_ONCE_STALE), origin.on("/a", answer(mp3))
    read(store, url)
    await_downloads()
    origin.on("/a", answer(mp3[:50_000]))
    assert read(store, url) == mp3
    await_downloads()
    assert read(store, url) == mp3[:50_000]


def test_current_audio_is_waited_for(origin: Origin, make_store: MakeStore, mp3: bytes) -> None:
    store, url = make_store(AT_ONCE_STALE), origin.on("/a", answer(mp3))
    read(store, url)
    await_downloads()
    origin.on("/a", answer(mp3[:50_000]))
    with closing(store.open(url, current=True)) as audio:
        assert audio.size == 50_000
    await_downloads()
    origin.on("/a", answer(status="500 Oh"))
    with closing(store.open(url, current=True)) as audio:
        assert audio.size == 50_000


@pytest.mark.parametrize("freshness", [AT_ONCE_STALE, EXPIRED])
def test_stale_copy_is_served_when_the_origin_fails(
    origin: Origin, make_store: MakeStore, mp3: bytes, freshness: Freshness
) -> None:
    store, url = make_store(freshness), origin.on("/a", answer(mp3))
    read(store, url)
    await_downloads()
    origin.on("/a", answer(b"oh", "500 Oh"))
    assert read(store, url) == mp3
    await_downloads()
    assert read(store, url) == mp3


def test_expired_copy_is_revalidated_before_it_is_served(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store, url = make_store(EXPIRED), origin.on("/a", answer(mp3))
    read(store, url)
    await_downloads()
    origin.on("/a", answer(mp3[:50_000]))
    assert read(store, url) == mp3[:50_000]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 3600),
        ({"Cache-Control": "max-age=600"}, 600),
        ({"Cache-Control": "public, max-age=600, s-maxage=700"}, 700),
        ({"Cache-Control": "max-age=600", "Age": "100"}, 500),
        ({"Cache-Control": "max-age=1"}, 60),
        ({"Cache-Control": "max-age=999999999"}, 86_400),
        ({"Cache-Control": "no-store"}, 60),
        ({"Cache-Control": "no-cache, max-age=600"}, 60),
        ({"Cache-Control": "max-age=soon"}, 3600),
    ],
)
def test_freshness_is_limited_by_the_operator(
    headers: dict[str, str], seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 1_000_000.0)
    assert Freshness().fresh_until(headers) == 1_000_000 + seconds


def test_failure_is_reported_to_those_who_waited_for_it(
    origin: Origin, make_store: MakeStore
) -> None:
    """However late they notice: they must not try again until their own time is over."""
    assert failure(make_store(failure_seconds=0), origin.url("/a")) == "origin_http_error"
    assert origin.request_counts["/a"] == 1


def test_failure_is_remembered_for_a_while(origin: Origin, make_store: MakeStore) -> None:
    store = make_store(failure_seconds=60)
    assert failure(store, origin.url("/a")) == "origin_http_error"
    assert failure(make_store(failure_seconds=60), origin.url("/a")) == "origin_http_error"
    assert origin.request_counts["/a"] == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "origin_empty"),
        (b"no audio", "origin_text"),
        (b"<!DOCTYPE html><html>", "origin_web_page"),
        (b"x" * 1_000_001, "origin_too_large"),
    ],
)
def test_response_that_is_not_audio_is_refused(
    origin: Origin, make_store: MakeStore, body: bytes, code: str
) -> None:
    assert failure(make_store(), origin.on("/a", answer(body))) == code


# Limits


def test_downloads_from_one_origin_are_limited(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store, go_on = make_store(per_origin=1, slot_timeout=10), Event()
    first = origin.on("/a", in_two_parts(mp3, 20_000, go_on))
    second = origin.on("/b", answer(mp3))
    with opened(store, first), ThreadPoolExecutor() as pool:
        waiting = pool.submit(read, store, second)
        assert origin.request_counts["/b"] == 0
        go_on.set()
        assert waiting.result() == mp3


def test_waiting_for_a_turn_times_out(
    origin: Origin, make_store: MakeStore, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "SHORTEST_TURN", 3600.0)
    store, go_on = make_store(per_origin=1, slot_timeout=0.1), Event()
    with opened(store, origin.on("/a", in_two_parts(mp3, 20_000, go_on))):
        assert failure(store, origin.url("/b")) == "origin_busy"
        go_on.set()


def test_least_recently_used_entry_is_evicted_first(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store = make_store()
    urls = [origin.on(f"/{n}", answer(mp3)) for n in range(3)]
    for n, url in enumerate(urls):
        read(store, url)
        await_downloads()
        for path in store.folder.glob(f"{Entry(store.folder, url).key}*"):
            os.utime(path, (n, n))
    with opened(store, urls[0]) as reader:
        os.utime(store.folder / f"{Entry(store.folder, urls[0]).key}.json", (0, 0))
        before = instruments.audio_store_evicted_bytes._value.get()
        result = evict(store.folder, max_bytes=2 * len(mp3) + 10_000)
        assert (result.entries, reader.file.read()) == (1, mp3)
        assert instruments.audio_store_evicted_bytes._value.get() == before + result.removed
    left = {path.stem for path in store.folder.glob("*.json")}
    assert left == {Entry(store.folder, url).key for url in urls[1:]}


def test_eviction_spares_downloads_in_progress(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store, go_on = make_store(), Event()
    url = origin.on("/a", in_two_parts(mp3, 20_000, go_on))
    with opened(store, url) as audio:
        for path in store.folder.iterdir():
            os.utime(path, (0, 0))
        evict(store.folder, max_bytes=0)
        go_on.set()
        assert b"".join(audio.chunks(0, audio.size)) == mp3


def test_deleted_store_costs_only_a_download(
    origin: Origin, make_store: MakeStore, mp3: bytes
) -> None:
    store, url = make_store(), origin.on("/a", answer(mp3))
    read(store, url)
    await_downloads()
    for path in store.folder.iterdir():
        path.unlink()
    assert read(store, url) == mp3
    assert origin.request_counts["/a"] == 2


@pytest.mark.parametrize("damage", ["cut", "gone", "metadata cut"])
def test_damaged_copy_is_not_served(
    origin: Origin, make_store: MakeStore, mp3: bytes, damage: str
) -> None:
    store, url = make_store(), origin.on("/a", answer(mp3))
    read(store, url)
    await_downloads()
    (body,) = store.folder.glob("*.audio")
    (metadata,) = store.folder.glob("*.json")
    if damage == "cut":
        os.truncate(body, 1000)
    elif damage == "gone":
        body.unlink()
    else:
        os.truncate(metadata, 20)
    assert read(store, url) == mp3


def test_unwritable_folder_is_an_error(make_store: MakeStore, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the folder should be")
    assert failure(make_store(), "http://127.0.0.1/a") == "store_unavailable"
