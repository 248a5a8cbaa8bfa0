"""The clips that streams need, kept in memory by version."""

import asyncio
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import NoReturn

from django.core.files.storage import default_storage
from django.db import close_old_connections

from clips_site.server.front.database import Database
from library.api.errors import ClipNotFound
from library.api.stream_steps import refuse_missing
from library.api.visibility import check_visible
from library.audio.async_reading import open_audio_async
from library.audio.open_audio import OpenAudio, open_file
from library.changes.clip_rows import ClipRow
from library.plays.record import ClipChangedError
from library.renditions.files import open_rendition
from library.renditions.variants import Variant
from library.sources.opening import audio_store

MOST = 10_000  # clips
SECONDS = 60.0  # for which a clip is kept
# For its renditions, because a new one does not change the version.
RENDITIONS_SECONDS = 2.0
# For requests for renditions that do not exist: one thread, and so one connection.
_requests = ThreadPoolExecutor(1, thread_name_prefix="renditions")


class Clips:
    """Public clips, as they were when this process last read them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[int, tuple[ClipRow, float]] = OrderedDict()

    def kept(self, clip_id: int, variant: Variant | None) -> ClipRow | None:
        """Return the clip if it was read recently, and then had this variant.

        Its version may be outdated. That of a rendition is up to RENDITIONS_SECONDS old.
        """
        clip, read_at = self._kept.get(clip_id, (None, 0.0))
        seconds = SECONDS if variant is None else RENDITIONS_SECONDS
        if clip is None or time.monotonic() > read_at + seconds:
            return None
        return clip if variant is None or variant.listed_in(clip.renditions) else None

    async def read(self, clip_id: int) -> ClipRow:
        """Return the clip as it is now. Raises ClipNotFound, Gone, Withdrawn, or psycopg.Error."""
        self._kept.pop(clip_id, None)
        clip = await self._database.clip(clip_id)
        if clip is None:
            raise ClipNotFound
        check_visible({**clip._asdict(), "deleted_at": clip.is_deleted or None})
        self._kept[clip_id] = (clip, time.monotonic())
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return clip

    async def compare(self, clip: ClipRow) -> None:
        """Raise ClipChangedError if this version is outdated, or an exception of `read`."""
        now = await self.read(clip.id)
        if (now.updated_at, now.renditions) != (clip.updated_at, clip.renditions):
            raise ClipChangedError

    async def open_audio(
        self, clip: ClipRow, variant: Variant | None, *, is_current: bool
    ) -> OpenAudio:
        """Return the clip's audio, or a rendition of it. The caller closes it.

        Raises AudioUnavailableError, or an exception of `refuse_missing`; ClipChangedError if a
        rendition of a clip that may be outdated is missing.
        """
        if variant is not None:
            made = variant.listed_in(clip.renditions)
            audio = open_rendition(made) if made else None
            if audio is None:
                if not is_current:
                    raise ClipChangedError
                loop = asyncio.get_running_loop()
                audio = await loop.run_in_executor(_requests, _refuse_missing, clip.id, variant)
            return audio
        if clip.audio_file:
            return open_file(_path_of_upload(clip.audio_file))
        return await open_audio_async(audio_store(), clip.audio_url)


def _refuse_missing(clip_id: int, variant: Variant) -> NoReturn:
    close_old_connections()  # as before each request
    refuse_missing(clip_id, variant)


@lru_cache(maxsize=MOST)
def _path_of_upload(name: str) -> Path:
    return Path(default_storage.path(name))
