"""Analyse the audio of one clip, and save the result for the bytes that it belongs to."""

from collections.abc import Collection, Sequence
from contextlib import closing
from datetime import timedelta
from enum import StrEnum
from typing import Any, BinaryIO, NamedTuple, cast

from django.db import transaction
from django.utils import timezone

from library.analyses.facts import Facts, facts_of
from library.audio.errors import AudioUnavailableError
from library.audio.open_audio import OpenAudio
from library.models import AudioAnalysis, Clip
from library.sound.engine import analyse
from library.sound.failures import REASONS, Failure
from library.sources.opening import open_audio, open_local_audio

TRIES = 3  # if the audio changes while it is analysed
FIRST_PAUSE, FACTOR = timedelta(minutes=1), 4  # before the next attempt, growing
LONGEST_PAUSE = timedelta(days=1)


class Audio(StrEnum):
    """Which audio to analyse. Uploads are always on this machine."""

    STORED = "stored"  # on this machine, even if it is outdated
    FRESH = "fresh"  # on this machine, unless it is outdated
    FETCHED = "fetched"  # downloaded into the store if necessary


class Kind(StrEnum):
    """What became of a clip's analysis."""

    ANALYSED = "analysed"
    CURRENT = "current"  # it was already, or only the entity tag has changed
    NOT_DECODABLE = "not decodable"  # a final result
    NOT_STORED = "not stored"  # the audio is only at its origin
    UNAVAILABLE = "unavailable"  # the audio, at the moment
    INTERRUPTED = "interrupted"  # the decoder, which can succeed later
    CHANGED = "changed"  # while it was analysed, so that there is no result
    GONE = "deleted"  # the clip


class Result(NamedTuple):
    """The result for a clip. `code` is a key of the sound's REASONS or of the audio's CAUSES."""

    kind: Kind
    code: str | None = None


def analyse_clip(pk: int, wanted: Audio, *, again: bool = False) -> Result:
    """Analyse a clip's audio, unless its analysis is current, and save the result.

    With `again`, analyse the same bytes again.
    """
    for left in reversed(range(TRIES)):
        clip = Clip.objects.not_deleted().select_related("analysis").filter(pk=pk).first()
        if clip is None:
            return Result(Kind.GONE)
        try:
            result = _analyse(clip, wanted, again=again)
        except AudioUnavailableError as error:
            result = Result(Kind.UNAVAILABLE, error.code)
        if result.kind == Kind.CHANGED and not left:
            result = Result(Kind.CHANGED, "audio_changed")
        if result.code and result.kind != Kind.NOT_DECODABLE:
            result = _postponed(clip, result)
        if result.kind != Kind.CHANGED:
            break
    return result


def _analyse(clip: Clip, wanted: Audio, *, again: bool) -> Result:
    if wanted == Audio.FETCHED:
        audio: OpenAudio | None = open_audio(clip, current=True)
    else:
        audio = open_local_audio(clip, fresh=wanted == Audio.FRESH)
    if audio is None:
        return Result(Kind.NOT_STORED)
    with closing(audio):
        before: AudioAnalysis | None = getattr(clip, "analysis", None)
        if before is not None and (before.source != clip.source or again):
            before = None
        # A source that was changed and changed back has an analysis, but no facts.
        known = before is not None and bool(clip.audio or before.failure)
        if before is not None and known and before.audio_etag == audio.etag:
            if before.obstacle is None:
                return Result(Kind.CURRENT)
            return _saved(clip, Result(Kind.CURRENT), audio, clip.audio, before.sha256)
        sha256 = audio.sha256()
        if before is not None and known and before.sha256 == sha256:
            facts = clip.audio and clip.audio | {"etag": audio.etag}
            return _saved(clip, Result(Kind.CURRENT), audio, facts, sha256)
        found = analyse(cast("BinaryIO", audio.file), audio.content_type)
        if not isinstance(found, Failure):
            measured = {
                "failure": None,
                "peaks": found.peaks.to_bytes(),
                "short_term": list(found.short_term),
                "fingerprint": found.fingerprint or None,
            }
            facts = facts_of(found, audio.etag)
            return _saved(clip, Result(Kind.ANALYSED), audio, facts, sha256, **measured)
        if found.retry:
            return Result(Kind.INTERRUPTED, found.code)
        result = Result(Kind.NOT_DECODABLE, found.code)
        unknown = {"failure": found.code, "peaks": None, "short_term": None, "fingerprint": None}
        return _saved(clip, result, audio, None, sha256, **unknown)


@transaction.atomic
def _saved(
    clip: Clip, result: Result, audio: OpenAudio, facts: Facts | None, sha256: str, **values: Any
) -> Result:
    """Save a result, unless the clip has got another source or its audio has other bytes.

    The lock makes an editor who changes the source wait, so that the change removes the facts. It
    is NO KEY, because the event of a play refers to the row and must not wait.
    """
    now = _locked(clip)
    if now is None or now.source != clip.source or not _is_current(clip, audio.etag):
        return Result(Kind.CHANGED)
    shown = {"audio": facts, "content_type": audio.content_type, "size_bytes": audio.size}
    values |= {
        "source": clip.source,
        "audio_etag": audio.etag,
        "sha256": sha256,
        "obstacle": None,
        "attempts": 0,
        "next_attempt_at": None,
    }
    if "failure" in values:
        values["analysed_at"] = timezone.now()
    _write([AudioAnalysis(clip=clip, **values)], [*values])
    if any(getattr(now, name) != value for name, value in shown.items()):
        Clip.objects.filter(pk=clip.pk).update(**shown)
    return result


def _is_current(clip: Clip, etag: str) -> bool:
    """Return whether the audio on this machine has this entity tag, or there is none any more."""
    try:
        audio = open_local_audio(clip)
    except AudioUnavailableError:
        return False
    if audio is None:
        return True
    audio.close()
    return audio.etag == etag


@transaction.atomic
def _postponed(clip: Clip, result: Result) -> Result:
    """Note why the audio could not be analysed, and when to try again, and return the result.

    A source that the clip has got meanwhile is not postponed.
    """
    now = _locked(clip)
    if now is None or now.source != clip.source:
        return Result(Kind.CHANGED)
    attempts = AudioAnalysis.objects.filter(clip=clip).values_list("attempts", flat=True).first()
    pause = min(FIRST_PAUSE * FACTOR ** min(attempts or 0, 9), LONGEST_PAUSE)
    values = {
        "obstacle": result.code,
        "attempts": (attempts or 0) + 1,
        "next_attempt_at": timezone.now() + pause,
    }
    _write([AudioAnalysis(clip=clip, **values)], [*values])
    return result


def postpone_like(pk: int, others: Sequence[int]) -> None:
    """Note the obstacle and the next attempt of a clip for others that were not tried."""
    tried = AudioAnalysis.objects.filter(pk=pk).values("obstacle", "next_attempt_at").first()
    if tried is not None:
        _write([AudioAnalysis(clip_id=other, **tried) for other in others], [*tried])


def forget_attempts(clip_ids: Collection[int]) -> None:
    """Let clips be analysed at once. Call it in the transaction that gives them other sources."""
    AudioAnalysis.objects.filter(clip__in=clip_ids, obstacle__isnull=False).update(
        obstacle=None, attempts=0, next_attempt_at=None
    )


def _locked(clip: Clip) -> Clip | None:
    """Return the clip as it is now, locked, or None if it was deleted."""
    clips = Clip.objects.not_deleted().select_for_update(no_key=True).filter(pk=clip.pk)
    return clips.only("audio_url", "audio_file", "audio", "content_type", "size_bytes").first()


def _write(analyses: list[AudioAnalysis], columns: list[str]) -> None:
    """Write columns of clips' analyses with one statement."""
    AudioAnalysis.objects.bulk_create(
        analyses, update_conflicts=True, unique_fields=["clip"], update_fields=columns
    )


def reason(code: str) -> str:
    """Return a sentence about a failure or an obstacle."""
    return REASONS[code].sentence if code in REASONS else AudioUnavailableError(code).detail
