"""The stored peaks of a clip's current audio."""

from datetime import timedelta

from django.utils import timezone

from library.analyses.analysing import reason
from library.analyses.due_clips import NEW
from library.models.rows import Row, read
from library.sound.failures import REASONS
from library.sound.waveform import Peaks
from library.sources.opening import audio_store

SOON, LATEST = timedelta(seconds=10), timedelta(hours=1)  # for another request

# The analysis is outdated if it is of another source, or of other bytes than `audio`.
_READ = """
SELECT clip.state, clip.withdrawn_reason, clip.deleted_at,
    clip.audio->>'etag' AS etag, (clip.audio->>'channels')::int AS channels,
    clip.audio_url, clip.updated_at, attempt.obstacle, attempt.next_attempt_at,
    analysis.peaks, analysis.failure, analysis.audio_etag
FROM library_clip clip LEFT JOIN library_audioanalysis analysis
    ON analysis.clip_id = clip.id
    AND analysis.source = CASE clip.audio_url WHEN '' THEN clip.audio_file ELSE clip.audio_url END
    LEFT JOIN library_audioanalysis attempt ON attempt.clip_id = clip.id
WHERE clip.id = %s
"""


class NotAnalysedError(Exception):
    """The clip's audio could not be decoded, or is not analysed soon. The message is a sentence."""


class AnalysisPendingError(Exception):
    """There is no analysis of the clip's current audio yet.

    The message is the reason, or empty. There may be an analysis in `wait` seconds.
    """

    def __init__(self, wait: timedelta = SOON, message: str = "") -> None:
        super().__init__(message)
        self.wait = round(wait.total_seconds())


def read_waveform(clip_id: int) -> Row | None:
    """Return the clip's visibility, `etag` and `channels` of its audio, and its analysis, or None.

    `peaks_of` reads the rest.
    """
    rows = read(_READ, [clip_id], prepared=True)
    return rows[0] if rows else None


def peaks_of(row: Row) -> Peaks:
    """Return the peaks of a row. Raises NotAnalysedError or AnalysisPendingError."""
    failure = REASONS.get(row["failure"])
    if row["failure"] is not None and not (failure and failure.retry):
        raise NotAnalysedError(failure.sentence if failure else "")
    if row["peaks"] is None or row["etag"] is None or row["etag"] != row["audio_etag"]:
        raise _pending(row)
    return Peaks.from_bytes(bytes(row["peaks"]))


def _pending(row: Row) -> NotAnalysedError | AnalysisPendingError:
    """Return the error for audio without an analysis: see `due_clips` for what is analysed when."""
    why = reason(row["obstacle"]) if row["obstacle"] else ""
    now = timezone.now()
    is_old = row["updated_at"] < now - NEW
    if is_old and row["audio_url"] and not audio_store().holds(row["audio_url"]):
        return NotAnalysedError(f"{why} Its audio is analysed when the clip is played.".strip())
    due = row["next_attempt_at"]
    return AnalysisPendingError(min(max(due - now, SOON), LATEST) if due else SOON, why)
