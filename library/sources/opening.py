"""Open or inspect a clip's audio: an uploaded file, or an origin's audio through the store."""

from contextlib import closing
from functools import cache

from django.conf import settings
from django.core.files.storage import default_storage

from library.audio.download import StoreLimits
from library.audio.duration import measure
from library.audio.errors import AudioUnavailableError
from library.audio.freshness import Freshness
from library.audio.inspection import SourceReport as SourceReport
from library.audio.inspection import inspect_url
from library.audio.open_audio import OpenAudio, open_file
from library.audio.origin import OriginClient, OriginLimits
from library.audio.store import AudioStore
from library.models import Clip
from library.validators import origin_policy


def open_audio(clip: Clip, *, current: bool = False) -> OpenAudio:
    """Return the clip's audio. The caller closes it. Raises AudioUnavailableError.

    With `current`, wait for the origin if the stored copy is stale.
    """
    if clip.audio_file:
        return open_file(clip.audio_file.path)
    return audio_store().open(clip.audio_url, current=current)


def open_local_audio(clip: Clip, *, fresh: bool = False) -> OpenAudio | None:
    """Return the clip's audio if this machine has it, without a request to its origin, or None.

    Stored audio may be outdated, unless it is to be `fresh`. Raises AudioUnavailableError if
    an upload is missing.
    """
    if clip.audio_file:
        return open_file(clip.audio_file.path)
    return audio_store().open_stored(clip.audio_url, fresh=fresh)


def inspect_source(url: str, *, head_only: bool = False) -> SourceReport:
    """Inspect the audio that an origin serves at a URL, without storing it.

    With `head_only`, read only the beginning. This call takes as long as the origin does, up to
    CLIPS_ORIGIN_TOTAL_TIMEOUT seconds.
    """
    return inspect_url(origin_client(), url, head_only=head_only)


def inspect_upload(name: str, *, head_only: bool = True) -> SourceReport:
    """Inspect an uploaded file. With `head_only`, do not measure it."""
    try:
        with closing(open_file(default_storage.path(name))) as audio:
            found = None if head_only else measure(audio.path)
            return SourceReport(name, name, audio.content_type, audio.size).measured(found)
    except AudioUnavailableError as error:
        detail = error.explanation or error.detail
        return SourceReport(name, name, code=error.code, detail=detail)


@cache
def origin_client() -> OriginClient:
    """Return the process's origin client, configured by the settings."""
    return OriginClient(
        origin_policy(),
        OriginLimits(
            connect=settings.CLIPS_ORIGIN_CONNECT_TIMEOUT,
            read=settings.CLIPS_ORIGIN_READ_TIMEOUT,
            total=settings.CLIPS_ORIGIN_TOTAL_TIMEOUT,
            max_bytes=settings.CLIPS_AUDIO_MAX_BYTES,
        ),
        via=settings.CLIPS_VIA,
        user_agent=settings.CLIPS_ORIGIN_USER_AGENT,
    )


@cache
def audio_store() -> AudioStore:
    """Return the process's audio store, configured by the settings."""
    freshness = Freshness(
        least=settings.CLIPS_AUDIO_FRESH_MIN,
        most=settings.CLIPS_AUDIO_FRESH_MAX,
        default=settings.CLIPS_AUDIO_FRESH_DEFAULT,
        while_revalidating=settings.CLIPS_AUDIO_STALE_WHILE_REVALIDATE,
    )
    limits = StoreLimits(
        max_bytes=settings.CLIPS_AUDIO_STORE_BYTES,
        memory_bytes=max(StoreLimits.memory_bytes, 6 * settings.CLIPS_AUDIO_MAX_BYTES),
        per_origin=settings.CLIPS_ORIGIN_DOWNLOADS,
        slot_timeout=settings.CLIPS_ORIGIN_TURN_TIMEOUT,
        failure_seconds=settings.CLIPS_ORIGIN_FAILURE_SECONDS,
        keep_seconds=60.0 if settings.CLIPS_ACCEL_LOCATION else 0.0,
    )
    return AudioStore(settings.AUDIO_STORE_DIR, origin_client(), freshness, limits)
