"""Clips that streams keep in memory, with their renditions."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any
from unittest.mock import AsyncMock

import pytest

from clips_site.server.front import clips
from library.changes.clip_rows import ClipRow
from library.plays.record import ClipChangedError
from tests.support.renditions import PREVIEW

MADE: dict[str, Any] = {
    **PREVIEW._asdict(),
    "file": "renditions/00/lost.mp3",
    "content_type": "audio/mpeg",
    "etag": '"a"',
}
ROW = ClipRow(
    id=5,
    title="A",
    audio_url="https://example.com/a.mp3",
    audio_file="",
    state="published",
    withdrawn_reason=None,
    is_deleted=False,
    updated_at=datetime(2026, 1, 1, tzinfo=UTC),
    token="1",
    renditions=[MADE],
    audio_etag=None,
)
OPUS = PREVIEW._replace(format="opus")


@pytest.fixture
def database() -> AsyncMock:
    return AsyncMock(**{"clip.return_value": ROW})


@pytest.fixture
def kept(database: AsyncMock) -> clips.Clips:
    """One clip that was read."""
    found = clips.Clips(database)
    asyncio.run(found.read(ROW.id))
    return found


def test_rendition_is_kept_for_a_moment(kept: clips.Clips, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept.kept(ROW.id, PREVIEW) == ROW
    assert kept.kept(ROW.id, OPUS) is None
    read_at = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: read_at + 3)
    assert kept.kept(ROW.id, PREVIEW) is None
    assert kept.kept(ROW.id, None) == ROW
    monkeypatch.setattr(time, "monotonic", lambda: read_at + 61)
    assert kept.kept(ROW.id, None) is None


def test_new_rendition_makes_the_clip_outdated(kept: clips.Clips, database: AsyncMock) -> None:
    asyncio.run(kept.compare(ROW))
    database.clip.return_value = ROW._replace(renditions=[{**MADE, "etag": '"b"'}])
    with pytest.raises(ClipChangedError):
        asyncio.run(kept.compare(ROW))


def test_missing_file_of_a_kept_clip_makes_it_outdated(kept: clips.Clips) -> None:
    with pytest.raises(ClipChangedError):
        asyncio.run(kept.open_audio(ROW, PREVIEW, is_current=False))
