"""Pairs of clips with the same audio, which `same_audio` finds: stored, shown and dismissed.

Deleted clips have no duplicates. A clip that the public cannot see is named to editors only.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from library.analyses import same_audio
from library.analyses.same_audio import Found
from library.models import AudioAnalysis, Clip, Duplicate, Landmark, State
from library.sound import fingerprint

MOST_LANDMARKS = 240  # stored for a clip

ByClip = Mapping[int, list[Found]]


def note_same_urls(clips: Iterable[Clip]) -> ByClip:
    """Find and store the clips with the URLs of these, by id. One statement if there is none."""
    found = same_audio.with_urls(clips)
    _store((clip_id, each) for clip_id, others in found.items() for each in others)
    return found


def note_same_bytes(clip: Clip, sha256: str) -> None:
    """Store the clips whose audio has the digest of an upload, before that is analysed."""
    _store((clip.pk, each) for each in same_audio.with_bytes(clip.pk, sha256))


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
    found = [*same_audio.with_urls([clip]).get(clip_id, ())]
    if analysis is not None:
        found += same_audio.with_bytes(clip_id, analysis.sha256)
        found += same_audio.with_sound(analysis, landmarks)
    with transaction.atomic():
        outdated = same_audio.outdated(clip, analysis, found)
        Duplicate.objects.filter(pk__in=outdated, dismissed_at=None).delete()
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
                each = Found.of(other, kind, score, state)
                found.setdefault(one, []).append(each)
    return {clip_id: _first(others) for clip_id, others in found.items()}


def dismiss(one: int, other: int) -> int:
    """Note that two clips are no duplicates. Return how many pairs changed."""
    pair = Duplicate.objects.filter(clip_a=min(one, other), clip_b=max(one, other))
    return pair.filter(dismissed_at=None).update(dismissed_at=timezone.now())


def has_duplicates() -> Q:
    """Return the condition of clips that have duplicates, for a queryset of clips.

    Withdrawing one of two clips settles the pair.
    """
    pairs: QuerySet[Duplicate] = Duplicate.objects.filter(dismissed_at=None)
    found = Q()
    for one, other in (("clip_a", "clip_b"), ("clip_b", "clip_a")):
        others = pairs.filter(**{one: OuterRef("pk"), f"{other}__deleted_at": None})
        found |= Q(Exists(others.exclude(**{f"{other}__state": State.WITHDRAWN})))
    return found & ~Q(state=State.WITHDRAWN)


def _first(found: Iterable[Found]) -> list[Found]:
    """Return the first of each kind by id."""
    numbers = Counter[str]()
    first = []
    for each in sorted(found):
        numbers[each.kind] += 1
        if numbers[each.kind] <= same_audio.MOST:
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
