"""Streams notice audio whose bytes have changed at the same source, and let it be analysed again.

They only compare entity tags in memory. The task is put into the queue by a thread, because neither
a stream nor the event loop may wait for PostgreSQL.
"""

import logging
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock

from django.db import Error, connection
from django.db.models.functions import Concat

from library.audio.open_audio import OpenAudio
from library.models import AudioAnalysis
from library.tasks.analyses import analyse_clip
from library.tasks.queue import defer

logger = logging.getLogger(__name__)

MOST = 10_000  # clips
SECONDS = 3600.0  # before the same audio is noticed again


class Notices:
    """The clips whose changed audio this process has noticed."""

    def __init__(self) -> None:
        self._noticed: OrderedDict[int, tuple[str, float]] = OrderedDict()
        self._lock = Lock()

    def compare(self, clip_id: int, audio: OpenAudio, analysed_etag: str | None) -> None:
        """Request an analysis if this audio is complete and not the one that was analysed."""
        if audio.etag != analysed_etag and audio.whole and self._is_new(clip_id, audio.etag):
            _executor().submit(_request, clip_id, audio.etag)

    def _is_new(self, clip_id: int, etag: str) -> bool:
        now = time.monotonic()
        with self._lock:
            known, until = self._noticed.pop(clip_id, ("", 0.0))
            is_new = known != etag or now >= until
            self._noticed[clip_id] = (etag, now + SECONDS if is_new else until)
            if len(self._noticed) > MOST:
                self._noticed.popitem(last=False)
        return is_new


notices = Notices()


@cache
def _executor() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "changed audio")


def _request(clip_id: int, etag: str) -> None:
    try:
        if not _is_known(clip_id, etag):
            defer(analyse_clip, clip_id=clip_id)
    except Error as error:  # a later stream notices it again
        logger.warning("An analysis could not be requested: %s", error, extra={"clip": clip_id})
    finally:
        connection.close()


def _is_known(clip_id: int, etag: str) -> bool:
    """Return whether this audio was found to be undecodable."""
    analyses = AudioAnalysis.objects.filter(
        clip=clip_id, audio_etag=etag, source=Concat("clip__audio_url", "clip__audio_file")
    )
    return analyses.filter(failure__isnull=False).exists()
