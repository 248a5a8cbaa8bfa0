"""Rounds of analyses: which clips are due, and how origins are treated."""

import socket
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from django.db import OperationalError
from django.utils import timezone

from harness.origin import Origin, answer
from harness.service import free_port
from library.analyses import due_clips as due
from library.analyses.analysing import Kind
from library.analyses.due_clips import (
    DueClip,
    due_clips,
    local_due_clips,
    new_due_clips,
    part_of_library,
)
from library.analyses.rounds import AnalysisRound
from library.models import AudioAnalysis, Clip
from library.sources.opening import audio_store
from tests.sound.signals import sine, wav
from tests.support import recipes

MakeClip = Callable[..., Clip]
SECOND = wav(sine(-20, 1))


def never() -> bool:
    return False


def run(analysis_round: AnalysisRound) -> dict[int, Kind]:
    clips = [*due_clips(Clip.objects.order_by("pk"))]
    return {clip.pk: result.kind for clip, result in analysis_round.results(clips)}


def test_local_audio_is_analysed_and_other_audio_only_if_it_is_fetched(
    make_clip: MakeClip, origin: Origin
) -> None:
    sample = make_clip()
    remote = make_clip(audio_url=origin.on("/a", answer(SECOND)))
    stored = make_clip(audio_url=origin.on("/b", answer(SECOND)))
    audio_store().open(stored.audio_url).close()
    kinds = run(AnalysisRound(never, fetch=False, workers=2))
    expected = {sample.pk: Kind.ANALYSED, remote.pk: Kind.NOT_STORED, stored.pk: Kind.ANALYSED}
    assert kinds == expected
    assert origin.request_counts == {"/b": 1}
    fetching = AnalysisRound(never, fetch=True)
    assert run(fetching)[remote.pk] == Kind.ANALYSED
    assert fetching.counts == {Kind.CURRENT: 2, Kind.ANALYSED: 1}
    assert origin.request_counts == {"/a": 1, "/b": 1}


def test_host_gets_one_request_at_a_time_with_pauses(make_clip: MakeClip, origin: Origin) -> None:
    times: list[float] = []

    def slow(answering: socket.socket, request: str) -> None:
        times.append(time.monotonic())
        time.sleep(0.05)
        answer(SECOND)(answering, request)

    for number in range(3):
        make_clip(audio_url=origin.on(f"/{number}", slow))
    kinds = run(AnalysisRound(never, fetch=True, workers=3, pause=0.1))
    assert set(kinds.values()) == {Kind.ANALYSED}
    assert all(then - before >= 0.15 for before, then in pairwise(times))


def test_host_without_response_is_given_up(make_clip: MakeClip) -> None:
    port = free_port()
    for number in range(5):
        make_clip(audio_url=f"http://127.0.0.1:{port}/{number}")
    sample = make_clip()
    analysis_round = AnalysisRound(never, fetch=True, pause=0)
    assert run(analysis_round)[sample.pk] == Kind.ANALYSED
    assert analysis_round.counts == {Kind.ANALYSED: 1, Kind.UNAVAILABLE: 3}
    assert len(analysis_round.given_up) == 1
    assert not Clip.objects.needing_analysis().exists()  # those that were not tried wait as well
    new = make_clip(audio_url=f"http://127.0.0.1:{port}/new")
    assert [*analysis_round.results(due_clips(Clip.objects.filter(pk=new.pk)))] == []
    assert not Clip.objects.needing_analysis().exists()
    untried = AudioAnalysis.objects.get(clip=new)
    assert (untried.obstacle, untried.attempts) == ("origin_unreachable", 0)


def test_stopped_round_keeps_its_results(make_clip: MakeClip) -> None:
    for _ in range(4):
        make_clip()
    stop = False

    def should_stop() -> bool:
        return stop

    analysis_round = AnalysisRound(should_stop, fetch=False)
    for _ in analysis_round.results([*due_clips(Clip.objects.all())]):
        stop = True
    assert analysis_round.stopped
    analysed = Clip.objects.filter(audio__isnull=False).count()
    assert 1 <= analysed == analysis_round.counts[Kind.ANALYSED] < 4


def test_error_of_the_database_ends_the_round(
    make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("library.analyses.rounds.analyse_clip", fail)
    make_clip()
    with pytest.raises(OperationalError):
        run(AnalysisRound(never, fetch=False))


def test_new_clips_are_fetched_in_the_background_and_old_ones_only_if_stored(
    db: None, origin: Origin
) -> None:
    old = timezone.now() - 2 * due.NEW
    stored_url, other_url = origin.on("/a", answer(SECOND)), origin.url("/b")
    audio_store().open(stored_url).close()
    stored = recipes.make_clip(audio_url=stored_url, updated_at=old)
    recipes.make_clip(audio_url=other_url, updated_at=old)
    sample = recipes.make_clip(updated_at=old)
    new = recipes.make_clip(audio_url=other_url)
    another = recipes.make_clip()
    assert [[clip.pk for clip in clips] for clips in new_due_clips(1)] == [[another.pk], [new.pk]]
    assert [clip.pk for clip in local_due_clips(0)] == [stored.pk, sample.pk]


def test_library_is_searched_in_parts(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    old = timezone.now() - 2 * due.NEW
    clips = {recipes.make_clip(updated_at=old).pk for _ in range(5)}
    monkeypatch.setattr(due, "PART", 2)
    turns = max(clips) // 2 + 1
    found = [local_due_clips(part_of_library(turn)) for turn in range(7, 7 + turns)]
    assert {clip.pk for part in found for clip in part} == clips
    assert max(len(part) for part in found) == 2


def test_uploads_are_left_to_a_machine_that_has_them(
    db: None, settings: object, tmp_path: object
) -> None:
    settings.MEDIA_ROOT = f"{tmp_path}/missing"  # type: ignore[attr-defined]
    recipes.make_clip(audio_file="uploads/a.mp3")
    sample = recipes.make_clip()
    assert [clip.pk for clip in due_clips(Clip.objects.all())] == [sample.pk]


def test_host_of_an_invalid_url_is_the_url() -> None:
    assert DueClip(1, "A", "http://[", "", timezone.now()).host == "http://["
