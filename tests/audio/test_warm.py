"""Opening audio that is already on disk, which each stream does."""

import json
import os
import time
from contextlib import closing
from pathlib import Path

import pytest

from harness.origin import Origin, answer, await_downloads
from library.audio.entry import TOUCH_SECONDS
from library.audio.errors import AudioUnavailableError
from library.audio.open_audio import open_file
from tests.audio.stores import MakeStore, opened, read


@pytest.fixture
def stored(origin: Origin, make_store: MakeStore, mp3: bytes) -> str:
    """The URL of fresh audio in the store."""
    url = origin.on("/a", answer(mp3))
    read(make_store(), url)
    await_downloads()
    return url


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("the metadata should not be parsed again")


def test_unchanged_metadata_is_parsed_once(
    make_store: MakeStore, stored: str, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(make_store(), stored)
    monkeypatch.setattr(json, "loads", refuse)
    assert read(make_store(), stored) == mp3


def test_changed_metadata_is_noticed(make_store: MakeStore, stored: str) -> None:
    with opened(make_store(), stored) as audio:
        before = audio.etag
    (metadata,) = make_store().folder.glob("*.json")
    text = metadata.read_text().replace(before[1:-1], before[-2:0:-1])  # as long as before
    replacement = metadata.with_suffix(".new")
    replacement.write_text(text)
    replacement.replace(metadata)
    with opened(make_store(), stored) as audio:
        assert audio.etag == f'"{before[-2:0:-1]}"'


@pytest.mark.parametrize(("age", "recorded"), [(TOUCH_SECONDS + 10, True), (10, False)])
def test_use_is_recorded_once_a_minute(
    make_store: MakeStore, stored: str, age: float, *, recorded: bool
) -> None:
    (metadata,) = make_store().folder.glob("*.json")
    now = time.time()
    os.utime(metadata, (now - age, now - age))
    read(make_store(), stored)
    assert (metadata.stat().st_mtime > now - 5) is recorded


def test_replaced_upload_has_another_etag(tmp_path: Path, mp3: bytes) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(mp3)
    with closing(open_file(path)) as first, closing(open_file(path)) as second:
        assert first.etag == second.etag
    path.write_bytes(b"fLaC" + mp3)
    with closing(open_file(path)) as replaced:
        assert replaced.etag != first.etag
        assert replaced.content_type == "audio/flac"


def test_missing_upload_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AudioUnavailableError, match="file_missing"):
        open_file(tmp_path / "none.mp3")


def test_upload_of_another_type_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_text("This is text.")
    with pytest.raises(AudioUnavailableError, match="file_not_audio"):
        open_file(tmp_path / "a.mp3")
