"""Audio that an origin has not sent yet."""

import logging
import time

from library.audio.download import Downloader
from library.audio.entry import Entry
from library.audio.errors import AudioUnavailableError
from library.audio.open_audio import OpenAudio
from library.telemetry import instruments

logger = logging.getLogger(__name__)


class Pending:
    """A request for audio that waits for a download, in this process or another one.

    Call `poll` after each change of `topic` (see `growth.Subscription`) and now and then in
    between, at last `close`. No method waits for the network.
    """

    def __init__(
        self, downloader: Downloader, entry: Entry, stale: OpenAudio | None, seconds: float
    ) -> None:
        """Own the stale copy, which is served if the origin fails. Wait at most for `seconds`."""
        self.topic = entry.topic
        self._downloader = downloader
        self._entry = entry
        self._stale = stale
        self._began = time.time()
        self._deadline = time.monotonic() + seconds
        self._result = "hit"  # if the first poll finds the whole audio

    def poll(self) -> OpenAudio | None:
        """Return the audio if it can be read, or None. Start a download if none is in progress.

        The caller closes the audio. Raises AudioUnavailableError if it cannot be fetched and no
        stale copy is stored.
        """
        try:
            audio = self._current()
        except AudioUnavailableError:
            if self._stale is None:
                instruments.audio_store_requests.labels("error").inc()
                raise
            audio, self._stale = self._stale, None
            return serve_stale(self._entry, audio)
        if audio is not None:
            self.close()
            instruments.audio_store_requests.labels(self._result).inc()
        return audio

    def close(self) -> None:
        if self._stale is not None:
            self._stale.close()
            self._stale = None

    def _current(self) -> OpenAudio | None:
        if time.monotonic() > self._deadline:
            raise AudioUnavailableError("origin_timeout")
        try:
            code = self._downloader.recent_failure(self._entry, self._began)
            if code is not None:
                raise AudioUnavailableError(code)
            audio = (
                self._entry.open_current(self._began)
                or self._entry.open_growing()
                or self._downloader.open_in_memory(self._entry)
            )
            if audio is None and self._downloader.start(self._entry, self._began):
                self._result = "miss"
            elif self._result == "hit" and not (audio and audio.whole):
                self._result = "joined"
        except OSError:
            logger.exception("The audio store cannot be used in %s", self._entry.folder)
            raise AudioUnavailableError("store_unavailable") from None
        return audio


def serve_stale(entry: Entry, audio: OpenAudio) -> OpenAudio:
    """Note that a stale copy is served."""
    entry.touch()
    instruments.audio_store_requests.labels("stale").inc()
    return audio
