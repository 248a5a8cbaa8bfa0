"""The stored peaks of a clip's current audio."""

from library.models.rows import Row, read
from library.sound.failures import REASONS
from library.sound.waveform import Peaks

# The analysis is outdated if it is of another source, or of other bytes than `audio`.
_READ = """
SELECT clip.state, clip.withdrawn_reason, clip.deleted_at,
    clip.audio->>'etag' AS etag, (clip.audio->>'channels')::int AS channels,
    analysis.peaks, analysis.failure, analysis.audio_etag
FROM library_clip clip LEFT JOIN library_audioanalysis analysis
    ON analysis.clip_id = clip.id
    AND analysis.source = CASE clip.audio_url WHEN '' THEN clip.audio_file ELSE clip.audio_url END
WHERE clip.id = %s
"""


class NotAnalysedError(Exception):
    """The clip's audio could not be decoded. The message is a sentence."""


class AnalysisPendingError(Exception):
    """There is no analysis of the clip's current audio yet."""


def read_waveform(clip_id: int) -> Row | None:
    """Return the clip's visibility, `etag` and `channels` of its audio, and its analysis, or None.

    `peaks_of` reads the rest.
    """
    rows = read(_READ, [clip_id], prepared=True)
    return rows[0] if rows else None


def peaks_of(row: Row) -> Peaks:
    """Return the peaks of a row. Raises NotAnalysedError or AnalysisPendingError."""
    reason = REASONS.get(row["failure"])
    if row["failure"] is not None and not (reason and reason.retry):
        raise NotAnalysedError(reason.sentence if reason else "")
    if row["peaks"] is None or row["etag"] is None or row["etag"] != row["audio_etag"]:
        raise AnalysisPendingError
    return Peaks.from_bytes(bytes(row["peaks"]))
