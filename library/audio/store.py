"""The audio store: a disk cache that downloads each URL once for all concurrent listeners.

A request for audio that is not in the store starts a download, unless a thread or process has one
in progress. All listeners, including the first, read the growing file. `entry.py` describes the
files.
"""

import contextlib
import logging
import time
from pathlib import Path

from library.audio.download import Downloader, StoreLimits
from library.audio.entry import Entry
from library.audio.errors import AudioUnavailableError
from library.audio.freshness import Freshness
from library.audio.locks import poll_intervals
from library.audio.open_audio import OpenAudio
from library.audio.origin import OriginClient
from library.telemetry import instruments

logger = logging.getLogger(__name__)


class AudioStore:
    """Opens origins' audio. Threads can share an instance; processes share the folder."""

    def __init__(
        self,
        folder: Path,
        client: OriginClient,
        freshness: Freshness | None = None,
        limits: StoreLimits | None = None,
    ) -> None:
        """`folder` is created by the first download and may be deleted at any time."""
        self.folder = folder
        self._freshness = freshness or Freshness()
        self._limits = limits or StoreLimits()
        self._downloader = Downloader(folder, client, self._freshness, self._limits)
        self._longest_download = client.limits.total + self._limits.slot_timeout

    def open(self, url: str) -> OpenAudio:
        """Return the audio at a URL. The caller closes its file.

        Raises AudioUnavailableError if it cannot be fetched and no stale copy is stored.
        """
        try:
            return self._open(Entry(self.folder, url))
        except OSError:
            logger.exception("The audio store cannot be used in %s", self.folder)
            raise AudioUnavailableError("store_unavailable") from None

    def _open(self, entry: Entry) -> OpenAudio:
        saved = entry.open_saved()
        if saved is None:
            return self._fetch(entry, None)
        metadata, audio = saved
        if metadata.fresh:
            entry.touch()
            instruments.audio_store_requests.labels("hit").inc()
            return audio
        if time.time() >= metadata.fresh_until + self._freshness.while_revalidating:
            return self._fetch(entry, audio)
        if entry.recent_failure(self._limits.failure_seconds) is None:
            with contextlib.suppress(AudioUnavailableError):
                self._downloader.start(entry, time.time())
        return self._serve_stale(entry, audio)

    def _fetch(self, entry: Entry, stale: OpenAudio | None) -> OpenAudio:
        """Return the audio that the origin sends, or the stale copy if the origin fails."""
        try:
            audio, result = self._await_audio(entry)
        except AudioUnavailableError:
            if stale is not None:
                return self._serve_stale(entry, stale)
            instruments.audio_store_requests.labels("error").inc()
            raise
        if stale is not None:
            stale.file.close()
        instruments.audio_store_requests.labels(result).inc()
        return audio

    def _await_audio(self, entry: Entry) -> tuple[OpenAudio, str]:
        """Start a download if none is in progress, and wait until its audio can be read."""
        result, began = "joined", time.time()
        for interval in poll_intervals(time.monotonic() + self._longest_download):
            code = entry.recent_failure(self._limits.failure_seconds)
            if code is not None:
                raise AudioUnavailableError(code)
            if self._downloader.start(entry, began):
                result = "miss"
            audio = entry.open_current(began) or entry.open_growing()
            if audio is not None:
                return audio, result
            time.sleep(interval)
        raise AudioUnavailableError("origin_timeout")

    def _serve_stale(self, entry: Entry, audio: OpenAudio) -> OpenAudio:
        entry.touch()
        instruments.audio_store_requests.labels("stale").inc()
        return audio
