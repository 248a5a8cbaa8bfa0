"""Searches for clips with the same audio: by URL, by bytes and by sound.

Clips that are deleted, or whose analysis is not current, are not found.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from library.models import AudioAnalysis, Clip, DuplicateKind, State
from library.models.rows import read
from library.sound import fingerprint

MOST = 10  # duplicates that a search finds, of each kind, and that are shown
MOST_CANDIDATES = 20  # fingerprints that are compared
FEWEST_LANDMARKS = 3  # that sounds must share to be compared
# Clips with one URL or one landmark; more are not read. Clips with rarer landmarks are compared
# first.
COMMON = 1000

# Not a join: the planner would rather read all clips than look up a thousand URLs.
_SAME_URLS = """
SELECT wanted.url, other.id, other.state
FROM unnest(%(urls)s::text[]) AS wanted (url) CROSS JOIN LATERAL (
    SELECT same.id, same.state FROM (
        SELECT clip.id, clip.state FROM library_clip clip
        WHERE clip.audio_url = wanted.url AND clip.audio_url <> '' AND clip.deleted_at IS NULL
        LIMIT %(common)s
    ) same ORDER BY same.id LIMIT %(most)s
) other
"""
_SAME_BYTES = """
SELECT clip.id, clip.state
FROM library_audioanalysis analysis JOIN library_clip clip ON clip.id = analysis.clip_id
WHERE analysis.sha256 = %s AND clip.id <> %s AND clip.deleted_at IS NULL
    AND analysis.source = coalesce(nullif(clip.audio_url, ''), clip.audio_file)
ORDER BY clip.id LIMIT %s
"""
_CANDIDATES = """
SELECT clip.id, clip.state, analysis.fingerprint
FROM (
    SELECT clip_id, count(*) AS number,
        count(*) FILTER (WHERE cardinality(found.clips) < %(common)s) AS rare
    FROM unnest(%(landmarks)s::int[]) AS wanted (mark), LATERAL (
        SELECT ARRAY(
            SELECT landmark.clip_id FROM library_landmark landmark
            WHERE landmark.mark = wanted.mark ORDER BY landmark.clip_id LIMIT %(common)s
        ) AS clips OFFSET 0 -- so that each is read once
    ) found, unnest(found.clips) AS clip_id
    GROUP BY clip_id HAVING count(*) >= %(fewest)s
) shared JOIN library_audioanalysis analysis USING (clip_id)
    JOIN library_clip clip ON clip.id = analysis.clip_id
WHERE clip.id <> %(clip)s AND clip.deleted_at IS NULL
    AND analysis.source = coalesce(nullif(clip.audio_url, ''), clip.audio_file)
    AND analysis.fingerprint IS NOT NULL AND analysis.sha256 <> %(sha256)s
ORDER BY shared.rare DESC, shared.number DESC, clip.id LIMIT %(most)s
"""
# The columns of the analysis are NULL if the other clip has no current one.
_STORED = """
SELECT pair.id, pair.kind, other.id AS other, other.audio_url, analysis.sha256, analysis.fingerprint
FROM library_duplicate pair
    JOIN library_clip other ON other.id = pair.clip_a_id + pair.clip_b_id - %(clip)s
    LEFT JOIN library_audioanalysis analysis ON analysis.clip_id = other.id
        AND analysis.source = coalesce(nullif(other.audio_url, ''), other.audio_file)
WHERE (pair.clip_a_id = %(clip)s OR pair.clip_b_id = %(clip)s) AND pair.dismissed_at IS NULL
"""


class Found(NamedTuple):
    """A clip with the same audio as another."""

    id: int
    kind: str
    score: float
    public: bool

    def shown(self) -> dict[str, Any]:
        """Return the JSON of the API."""
        return {"id": self.id, "kind": self.kind, "score": self.score}

    @classmethod
    def of(cls, clip_id: int, kind: str, score: float, state: str) -> "Found":
        return cls(clip_id, str(kind), score, state == State.PUBLISHED)


def with_urls(clips: Iterable[Clip]) -> dict[int, list[Found]]:
    """Return the first clips with the URLs of these, by id."""
    urls = {clip.pk: clip.audio_url for clip in clips if clip.audio_url}
    if not urls:
        return {}
    by_url: dict[str, list[Found]] = {}
    values = {"urls": [*{*urls.values()}], "common": COMMON, "most": MOST + 1}
    for row in read(_SAME_URLS, values, prepared=True):
        each = Found.of(row["id"], DuplicateKind.URL, 1.0, row["state"])
        by_url.setdefault(row["url"], []).append(each)
    found = {}
    for clip_id, url in urls.items():
        if others := [each for each in by_url.get(url, ()) if each.id != clip_id]:
            found[clip_id] = others[:MOST]
    return found


def with_bytes(clip_id: int, digest: str) -> list[Found]:
    """Return the first other clips whose audio has this SHA-256."""
    rows = read(_SAME_BYTES, [digest, clip_id, MOST], prepared=True)
    return [Found.of(row["id"], DuplicateKind.BYTES, 1.0, row["state"]) for row in rows]


def with_sound(analysis: AudioAnalysis, landmarks: list[int]) -> list[Found]:
    """Return the clips with other bytes that sound the same."""
    if not landmarks:
        return []
    values = {
        "landmarks": landmarks,
        "clip": analysis.clip_id,
        "sha256": analysis.sha256,
        "fewest": FEWEST_LANDMARKS,
        "common": COMMON,
        "most": MOST_CANDIDATES,
    }
    scored = [
        (_score(analysis.fingerprint, row["fingerprint"]), row["id"], row["state"])
        for row in read(_CANDIDATES, values)
    ]
    same = [
        Found.of(other, DuplicateKind.SOUND, score, state)
        for score, other, state in scored
        if score >= fingerprint.SAME
    ]
    return sorted(same, key=lambda each: (-each.score, each.id))[:MOST]


def _score(one: Any, other: Any) -> float:
    return round(fingerprint.score(bytes(one or b""), bytes(other or b"")), 3)


def outdated(clip: Clip, analysis: AudioAnalysis | None, found: Collection[Found]) -> list[int]:
    """Return the ids of stored pairs that do not hold. Those beyond the limits of a search do."""
    known = {(each.id, each.kind) for each in found}
    return [
        row["id"]
        for row in read(_STORED, {"clip": clip.pk})
        if (row["other"], row["kind"]) not in known and not _holds(clip, analysis, row)
    ]


def _holds(clip: Clip, analysis: AudioAnalysis | None, row: Mapping[str, Any]) -> bool:
    """Return whether a stored pair holds, or cannot be checked before an analysis."""
    if row["kind"] == DuplicateKind.URL:
        return bool(clip.audio_url) and clip.audio_url == row["audio_url"]
    if analysis is None or row["sha256"] is None:
        return True
    same_bytes = bool(analysis.sha256 == row["sha256"])
    if same_bytes or row["kind"] == DuplicateKind.BYTES:
        return same_bytes and row["kind"] == DuplicateKind.BYTES
    return _score(analysis.fingerprint, row["fingerprint"]) >= fingerprint.SAME
