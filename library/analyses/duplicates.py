"""Clips with the same audio: found by URL, by bytes and by sound, and kept as pairs.

Deleted clips have no duplicates. A clip that the public cannot see is named to editors only.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256
from typing import Any, BinaryIO, NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from library.models import AudioAnalysis, Clip, Duplicate, DuplicateKind, Landmark, State
from library.models.rows import read
from library.sound import fingerprint

MOST = 10  # duplicates that a search finds, of each kind, and that are shown
MOST_CANDIDATES = 20  # fingerprints that are compared
FEWEST_LANDMARKS = 3  # that sounds must share to be compared
MOST_LANDMARKS = 240  # stored for a clip
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


ByClip = Mapping[int, list[Found]]


def note_same_urls(clips: Iterable[Clip]) -> ByClip:
    """Find and store the clips with the URLs of these, by id. One statement if there is none."""
    found = _same_urls(clips)
    _store((clip_id, each) for clip_id, others in found.items() for each in others)
    return found


def note_same_bytes(clip: Clip, file: BinaryIO) -> None:
    """Store the clips whose audio has the bytes of an upload, before it is analysed."""
    digest = sha256()
    file.seek(0)
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    file.seek(0)
    _store((clip.pk, each) for each in _same_bytes(clip.pk, digest.hexdigest()))


def forget(clip_ids: Collection[int]) -> None:
    """Forget the duplicates of clips whose audio is another now, also those that were dismissed."""
    Duplicate.objects.filter(Q(clip_a__in=clip_ids) | Q(clip_b__in=clip_ids)).delete()
    Landmark.objects.filter(clip__in=clip_ids).delete()


def find(clip_id: int) -> list[Found]:
    """Find and store the duplicates of a clip whose analysis has just been saved.

    Pairs that no longer hold are removed, except for those that an editor dismissed.
    """
    clip = Clip.objects.not_deleted().filter(pk=clip_id).first()
    if clip is None:
        return []
    analysis = AudioAnalysis.objects.filter(clip=clip_id, source=clip.source).first()
    landmarks = fingerprint.landmarks(bytes(analysis.fingerprint or b"")) if analysis else []
    # Committed before the search, so that of two analyses at the same time one sees the other.
    _store_landmarks(clip_id, landmarks[:MOST_LANDMARKS])
    found = [*_same_urls([clip]).get(clip_id, ())]
    if analysis is not None:
        found += _same_bytes(clip_id, analysis.sha256)
        found += _same_sound(analysis, landmarks)
    with transaction.atomic():
        _remove_outdated(clip, analysis, found)
        _store((clip_id, each) for each in found)
        _dismiss_again(clip_id)
    return found


def of_clips(clip_ids: Collection[int]) -> dict[int, list[Found]]:
    """Return the first stored duplicates of these clips that no editor has dismissed, by id."""
    pairs = Duplicate.objects.filter(
        Q(clip_a__in=clip_ids) | Q(clip_b__in=clip_ids), dismissed_at=None
    )
    rows = pairs.filter(clip_a__deleted_at=None, clip_b__deleted_at=None).values_list(
        "clip_a", "clip_b", "kind", "score", "clip_a__state", "clip_b__state"
    )
    found: dict[int, list[Found]] = {}
    for a, b, kind, score, state_a, state_b in rows:
        for one, other, state in ((a, b, state_b), (b, a, state_a)):
            if one in clip_ids:
                each = _found(other, kind, score, state)
                found.setdefault(one, []).append(each)
    return {clip_id: _first(others) for clip_id, others in found.items()}


def dismiss(one: int, other: int) -> int:
    """Note that two clips are no duplicates. Return how many pairs changed."""
    pair = Duplicate.objects.filter(clip_a=min(one, other), clip_b=max(one, other))
    return pair.filter(dismissed_at=None).update(dismissed_at=timezone.now())


def has_duplicates() -> Q:
    """Return the condition of clips that have duplicates, for a queryset of clips."""
    pairs: QuerySet[Duplicate] = Duplicate.objects.filter(dismissed_at=None)
    as_a = pairs.filter(clip_a=OuterRef("pk"), clip_b__deleted_at=None)
    as_b = pairs.filter(clip_b=OuterRef("pk"), clip_a__deleted_at=None)
    return Q(Exists(as_a)) | Q(Exists(as_b))


def _first(found: Iterable[Found]) -> list[Found]:
    """Return the first of each kind by id."""
    numbers = Counter[str]()
    first = []
    for each in sorted(found):
        numbers[each.kind] += 1
        if numbers[each.kind] <= MOST:
            first.append(each)
    return first


def _store_landmarks(clip_id: int, landmarks: Collection[int]) -> None:
    rows = Landmark.objects.filter(clip=clip_id)
    known = set(rows.values_list("mark", flat=True))
    if known == {*landmarks}:
        return
    with transaction.atomic():
        rows.exclude(mark__in=landmarks).delete()
        Landmark.objects.bulk_create(
            [Landmark(clip_id=clip_id, mark=mark) for mark in landmarks if mark not in known],
            ignore_conflicts=True,
        )


def _same_urls(clips: Iterable[Clip]) -> dict[int, list[Found]]:
    urls = {clip.pk: clip.audio_url for clip in clips if clip.audio_url}
    if not urls:
        return {}
    by_url: dict[str, list[Found]] = {}
    values = {"urls": [*{*urls.values()}], "common": COMMON, "most": MOST + 1}
    for row in read(_SAME_URLS, values, prepared=True):
        each = _found(row["id"], DuplicateKind.URL, 1.0, row["state"])
        by_url.setdefault(row["url"], []).append(each)
    found = {}
    for clip_id, url in urls.items():
        if others := [each for each in by_url.get(url, ()) if each.id != clip_id]:
            found[clip_id] = others[:MOST]
    return found


def _same_bytes(clip_id: int, digest: str) -> list[Found]:
    rows = read(_SAME_BYTES, [digest, clip_id, MOST], prepared=True)
    return [_found(row["id"], DuplicateKind.BYTES, 1.0, row["state"]) for row in rows]


def _same_sound(analysis: AudioAnalysis, landmarks: list[int]) -> list[Found]:
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
        _found(other, DuplicateKind.SOUND, score, state)
        for score, other, state in scored
        if score >= fingerprint.SAME
    ]
    return sorted(same, key=lambda each: (-each.score, each.id))[:MOST]


def _score(one: Any, other: Any) -> float:
    return round(fingerprint.score(bytes(one or b""), bytes(other or b"")), 3)


def _found(clip_id: int, kind: str, score: float, state: str) -> Found:
    return Found(clip_id, str(kind), score, state == State.PUBLISHED)


def _remove_outdated(clip: Clip, analysis: AudioAnalysis | None, found: Collection[Found]) -> None:
    """Remove pairs that do not hold. Those beyond the limits of the search do."""
    kept = {(each.id, each.kind) for each in found}
    rows = read(_STORED, {"clip": clip.pk})
    outdated = [
        row["id"]
        for row in rows
        if (row["other"], row["kind"]) not in kept and not _holds(clip, analysis, row)
    ]
    Duplicate.objects.filter(pk__in=outdated, dismissed_at=None).delete()


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


def _dismiss_again(clip_id: int) -> None:
    """Dismiss pairs that an editor dismissed before they were found for another reason."""
    same_pair = Duplicate.objects.filter(
        clip_a=OuterRef("clip_a"), clip_b=OuterRef("clip_b"), dismissed_at__isnull=False
    )
    pairs = Duplicate.objects.filter(Q(clip_a=clip_id) | Q(clip_b=clip_id), dismissed_at=None)
    pairs.filter(Exists(same_pair)).update(dismissed_at=timezone.now())


def _store(pairs: Iterable[tuple[int, Found]]) -> None:
    """Store pairs once, whichever of the two clips comes first."""
    ordered = {
        (min(one, other.id), max(one, other.id), other.kind): other.score for one, other in pairs
    }
    if ordered:
        Duplicate.objects.bulk_create(
            [
                Duplicate(clip_a_id=a, clip_b_id=b, kind=kind, score=score)
                for (a, b, kind), score in sorted(ordered.items())
            ],
            update_conflicts=True,
            unique_fields=["clip_a", "clip_b", "kind"],
            update_fields=["score"],
        )
