"""Clips with the same audio: found by URL, by bytes and by sound, and kept as pairs.

Deleted clips have no duplicates. A clip that the public cannot see is named to editors only.
"""

from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256
from typing import Any, BinaryIO, NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from library.models import AudioAnalysis, Clip, Duplicate, DuplicateKind, Landmark, State
from library.models.rows import read
from library.sound import fingerprint

MOST = 10  # duplicates of a clip, of each kind
MOST_CANDIDATES = 20  # fingerprints that are compared
FEWEST_LANDMARKS = 3  # that sounds must share to be compared

# Not a join: the planner would rather read all clips than look up a thousand URLs.
_SAME_URLS = """
SELECT added.id, other.id AS other, other.state
FROM unnest(%s::bigint[], %s::text[]) AS added (id, url) CROSS JOIN LATERAL (
    SELECT clip.id, clip.state FROM library_clip clip
    WHERE clip.audio_url = added.url AND clip.audio_url <> '' AND clip.id <> added.id
        AND clip.deleted_at IS NULL
    LIMIT %s
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
    SELECT clip_id, count(*) AS number FROM library_landmark
    WHERE mark = ANY(%(landmarks)s) AND clip_id <> %(clip)s
    GROUP BY clip_id HAVING count(*) >= %(fewest)s
) shared JOIN library_audioanalysis analysis USING (clip_id)
    JOIN library_clip clip ON clip.id = analysis.clip_id
WHERE clip.deleted_at IS NULL
    AND analysis.source = coalesce(nullif(clip.audio_url, ''), clip.audio_file)
ORDER BY shared.number DESC LIMIT %(most)s
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


def note_same_urls(clips: Iterable[Clip]) -> dict[int, list[Found]]:
    """Find and store the clips with the URLs of these, by id. One statement if there is none."""
    urls = {clip.pk: clip.audio_url for clip in clips if clip.audio_url}
    if not urls:
        return {}
    rows = read(_SAME_URLS, [[*urls], [*urls.values()], MOST], prepared=True)
    found: dict[int, list[Found]] = {}
    for row in sorted(rows, key=lambda row: row["other"]):
        each = _found(row["other"], DuplicateKind.URL, 1.0, row["state"])
        found.setdefault(row["id"], []).append(each)
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
    """Forget the duplicates of clips whose audio is another now."""
    Duplicate.objects.filter(Q(clip_a__in=clip_ids) | Q(clip_b__in=clip_ids)).delete()


def find(clip_id: int) -> list[Found]:
    """Find and store the duplicates of a clip whose analysis has just been saved.

    Pairs that no longer hold are removed; those that an editor dismissed stay dismissed.
    """
    clip = Clip.objects.not_deleted().filter(pk=clip_id).first()
    if clip is None:
        return []
    current = AudioAnalysis.objects.filter(clip=clip_id, source=clip.source, failure=None)
    analysis = current.first()
    found = note_same_urls([clip]).get(clip_id, [])
    if analysis is not None:
        print_ = bytes(analysis.fingerprint or b"")
        landmarks = fingerprint.landmarks(print_)
        # Committed before the search, so that of two analyses at the same time one sees the other.
        _store_landmarks(clip_id, landmarks)
        same_bytes = _same_bytes(clip_id, analysis.sha256)
        known = {each.id for each in same_bytes}
        found += same_bytes
        found += [each for each in _same_sound(clip_id, print_, landmarks) if each.id not in known]
    with transaction.atomic():
        _remove_others(clip_id, found)
        _store((clip_id, each) for each in found)
    return found


def of_clips(clip_ids: Collection[int]) -> dict[int, list[Found]]:
    """Return the stored duplicates of these clips that no editor has dismissed, by id."""
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
    return {clip_id: sorted(others) for clip_id, others in found.items()}


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


def _same_bytes(clip_id: int, digest: str) -> list[Found]:
    rows = read(_SAME_BYTES, [digest, clip_id, MOST], prepared=True)
    return [_found(row["id"], DuplicateKind.BYTES, 1.0, row["state"]) for row in rows]


def _same_sound(clip_id: int, print_: bytes, landmarks: list[int]) -> list[Found]:
    if not landmarks:
        return []
    limits = {"fewest": FEWEST_LANDMARKS, "most": MOST_CANDIDATES}
    scored = [
        (round(fingerprint.score(print_, bytes(row["fingerprint"])), 3), row["id"], row["state"])
        for row in read(_CANDIDATES, {"landmarks": landmarks, "clip": clip_id} | limits)
    ]
    same = sorted((each for each in scored if each[0] >= fingerprint.SAME), reverse=True)[:MOST]
    return [_found(other, DuplicateKind.SOUND, score, state) for score, other, state in same]


def _found(clip_id: int, kind: str, score: float, state: str) -> Found:
    return Found(clip_id, str(kind), score, state == State.PUBLISHED)


def _remove_others(clip_id: int, found: Collection[Found]) -> None:
    kept = {(each.id, each.kind) for each in found}
    pairs = Duplicate.objects.filter(Q(clip_a=clip_id) | Q(clip_b=clip_id))
    old = [
        pk
        for pk, a, b, kind in pairs.values_list("pk", "clip_a", "clip_b", "kind")
        if (b if a == clip_id else a, kind) not in kept
    ]
    Duplicate.objects.filter(pk__in=old).delete()


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
