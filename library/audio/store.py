"""The audio store: a disk cache in which each origin URL is fetched once, however many listen.

A request for audio that the store lacks starts a download, unless some thread or process has one
under way; then everybody, the starter included, reads the growing file. The files, and what may be
believed of them, are described in `entry.py`.
"""

import contextlib
import logging
import time
from pathlib import Path

from library.audio.download import Downloader, StoreLimits
from library.audio.entry import Entry
from library.audio.errors import AudioUnavailableError
from library.audio.freshness import Freshness
from library.audio.open_audio import OpenAudio
from library.audio.origin import OriginClient
from library.audio.origin_slots import waits
from library.telemetry import instruments

logger = logging.getLogger(__name__)


class AudioStore:
    """Opens origins' audio. Threads may share it; processes share its folder."""

    def __init__(
        self,
        folder: Path,
        client: OriginClient,
        freshness: Freshness | None = None,
        limits: StoreLimits | None = None,
    ) -> None:
        """The folder is made when it is first needed; losing it costs only downloads."""
        self.folder = folder
        self._freshness = freshness or Freshness()
        self._limits = limits or StoreLimits()
        self._downloader = Downloader(folder, client, self._freshness, self._limits)
        # a download ends by then, and so does waiting for it
        self._longest_wait = client.limits.total + self._limits.turn_seconds

    def open(self, url: str) -> OpenAudio:
        """The audio at a URL; the caller closes its file.

        Raises AudioUnavailableError with the cause if there is none, and no stale copy either.
        """
        try:
            return self._open(Entry(self.folder, url))
        except OSError:
            logger.exception("The audio store cannot be used in %s", self.folder)
            raise AudioUnavailableError("store_unavailable") from None

    def _open(self, entry: Entry) -> OpenAudio:
        saved = entry.open_saved()
        if saved is None:
            return self._await(entry, None)
        metadata, audio = saved
        if metadata.fresh:
            entry.touch()
            instruments.audio_store_requests.labels("hit").inc()
            return audio
        if not self._freshness.may_serve_while_revalidating(metadata.fresh_until):
            return self._await(entry, audio)
        if entry.failure(self._limits.failure_seconds) is None:
            with contextlib.suppress(AudioUnavailableError):
                self._downloader.start(entry, time.time())
        return self._serve_stale(entry, audio)

    def _await(self, entry: Entry, stale: OpenAudio | None) -> OpenAudio:
        """What arrives, or the stale copy if nothing does."""
        try:
            audio, result = self._arrival(entry)
        except AudioUnavailableError:
            if stale is not None:
                return self._serve_stale(entry, stale)
            instruments.audio_store_requests.labels("error").inc()
            raise
        if stale is not None:
            stale.file.close()
        instruments.audio_store_requests.labels(result).inc()
        return audio

    def _arrival(self, entry: Entry) -> tuple[OpenAudio, str]:
        """Wait until the audio, or the beginning of it, is there; download it if nobody does."""
        result, began = "joined", time.time()
        for step in waits(time.monotonic() + self._longest_wait):
            code = entry.failure(self._limits.failure_seconds)
            if code is not None:
                raise AudioUnavailableError(code)
            if self._downloader.start(entry, began):
                result = "miss"
            audio = entry.open_current(began) or entry.open_growing()
            if audio is not None:
                return audio, result
            time.sleep(step)
        raise AudioUnavailableError("origin_timeout")

    def _serve_stale(self, entry: Entry, audio: OpenAudio) -> OpenAudio:
        entry.touch()
        instruments.audio_store_requests.labels("stale").inc()
        return audio
