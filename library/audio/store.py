"""The audio store: a disk cache that downloads each URL once for all concurrent listeners.

A request for audio that is not in the store starts a download, unless a thread or process has one
in progress. All listeners, including the first, read the growing file. `entry.py` describes the
files.
"""

import contextlib
import logging
import math
import time
from pathlib import Path

from library.audio import growth
from library.audio.download import Downloader, StoreLimits
from library.audio.entry import Entry
from library.audio.errors import AudioUnavailableError
from library.audio.freshness import Freshness
from library.audio.locks import poll_intervals
from library.audio.open_audio import OpenAudio
from library.audio.origin import OriginClient
from library.audio.pending import Pending, serve_stale
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

    def begin(self, url: str, *, current: bool = False) -> OpenAudio | Pending:
        """Return the audio at a URL, or what to wait for. The caller closes either.

        This does not wait for the network. With `current`, a stale copy is not returned before the
        origin has been asked. Raises AudioUnavailableError if the audio cannot be
        fetched and no stale copy is stored.
        """
        entry = Entry(self.folder, url)
        try:
            saved = entry.open_saved()
        except OSError:
            logger.exception("The audio store cannot be used in %s", self.folder)
            raise AudioUnavailableError("store_unavailable") from None
        if saved is None:
            return self._await(entry, None)
        metadata, audio = saved
        if metadata.fresh:
            entry.touch()
            instruments.count_audio_store_hit(1)
            return audio
        if current or time.time() >= metadata.fresh_until + self._freshness.while_revalidating:
            return self._await(entry, audio)
        self._downloader.revalidate(entry)
        return serve_stale(entry, audio)

    def holds(self, url: str) -> bool:
        """Return whether audio at a URL is stored, fresh or not. This makes one system call."""
        return Entry(self.folder, url).is_saved

    def open_stored(self, url: str, *, fresh: bool = False) -> OpenAudio | None:
        """Return the stored audio at a URL, or only if it is `fresh`. The caller closes it."""
        try:
            saved = Entry(self.folder, url).open_saved()
        except OSError:
            logger.exception("The audio store cannot be used in %s", self.folder)
            raise AudioUnavailableError("store_unavailable") from None
        if saved is None:
            return None
        metadata, audio = saved
        if fresh and not metadata.fresh:
            audio.close()
            return None
        return audio

    def open(self, url: str, *, current: bool = False) -> OpenAudio:
        """Return the audio at a URL, once it can be read. The caller closes it.

        With `current`, a stale copy is returned only if the origin fails. Raises
        AudioUnavailableError if the audio cannot be fetched and no stale copy is stored.
        """
        opened = self.begin(url, current=current)
        if isinstance(opened, OpenAudio):
            return opened
        with contextlib.closing(opened) as pending:
            return growth.wait_until(pending.topic, pending.poll, poll_intervals(math.inf))

    def _await(self, entry: Entry, stale: OpenAudio | None) -> OpenAudio | Pending:
        """Return the audio that the origin sends, or the stale copy if the origin fails."""
        pending = Pending(self._downloader, entry, stale, self._longest_download)
        return pending.poll() or pending
