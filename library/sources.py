"""Where a clip's audio is opened: its uploaded file, or the store for its origin."""

from functools import cache
from pathlib import Path

from django.conf import settings

from library.audio.download import StoreLimits
from library.audio.freshness import Freshness
from library.audio.opened import OpenAudio, open_file
from library.audio.origin import OriginClient, OriginLimits
from library.audio.store import AudioStore
from library.models import Clip
from library.validators import origin_policy


def open_audio(clip: Clip) -> OpenAudio:
    """The clip's audio; the caller closes its file. Raises AudioUnavailableError."""
    if clip.audio_file:
        return open_file(Path(clip.audio_file.path))
    return audio_store().open(clip.audio_url)


@cache
def audio_store() -> AudioStore:
    """The process's handle on the machine's store, as the settings say."""
    client = OriginClient(
        origin_policy(),
        OriginLimits(
            connect=settings.CLIPS_ORIGIN_CONNECT_TIMEOUT,
            read=settings.CLIPS_ORIGIN_READ_TIMEOUT,
            total=settings.CLIPS_ORIGIN_TOTAL_TIMEOUT,
            max_bytes=settings.CLIPS_AUDIO_MAX_BYTES,
        ),
        via=settings.CLIPS_VIA,
    )
    freshness = Freshness(
        least=settings.CLIPS_AUDIO_FRESH_MIN,
        most=settings.CLIPS_AUDIO_FRESH_MAX,
        default=settings.CLIPS_AUDIO_FRESH_DEFAULT,
        while_revalidating=settings.CLIPS_AUDIO_STALE_WHILE_REVALIDATE,
    )
    limits = StoreLimits(
        max_bytes=settings.CLIPS_AUDIO_STORE_BYTES,
        per_origin=settings.CLIPS_ORIGIN_DOWNLOADS,
        turn_seconds=settings.CLIPS_ORIGIN_TURN_TIMEOUT,
        failure_seconds=settings.CLIPS_ORIGIN_FAILURE_SECONDS,
        keep_seconds=60.0 if settings.CLIPS_ACCEL_LOCATION else 0.0,
    )
    return AudioStore(settings.AUDIO_STORE_DIR, client, freshness, limits)
