"""The API of recording, without HTTP: outcomes of plays, locks, kept plans."""

from collections.abc import Callable, Iterator
from concurrent.futures import wait
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from library.models import Client, Clip, Kind, PlayEvent
from library.plays import partitions, record
from library.plays.record import ClipChangedError, NotWrittenError, Play, Recorded, submit
from tests.support.database import locked
from tests.support.plays import plays_of

MakeClip = Callable[..., Clip]


def play_of(clip: Clip, **fields: Any) -> Play:
    return replace(Play(clip.pk, Kind.PLAIN, None, None, Client.OTHER, ""), **fields)


@pytest.fixture
def own_connection() -> Iterator[None]:
    """Close the connection with which this thread records."""
    yield
    record._database.close()


def test_recorded_play_has_its_event(clip: Clip) -> None:
    recorded = submit(play_of(clip)).result()
    event = PlayEvent.objects.get()
    assert recorded == Recorded(event.pk, event.played_at)
    assert plays_of(clip) == 1


def test_play_of_the_version_that_was_read_is_recorded(clip: Clip) -> None:
    recorded = [submit(play_of(clip, version=clip.updated_at)).result() for _ in range(2)]
    assert all(play.event_id for play in recorded)  # a play doesn't change the version
    assert plays_of(clip) == 2


def test_play_of_another_version_is_not_recorded(clip: Clip) -> None:
    read = clip.updated_at
    clip.save()
    with pytest.raises(ClipChangedError):
        record.record(play_of(clip, version=read))
    assert plays_of(clip) == 0


@pytest.mark.parametrize(
    "fields", [{"deleted_at": timezone.now()}, {"state": "draft"}, {"state": "withdrawn"}]
)
def test_play_of_a_clip_that_is_not_public_is_not_recorded(
    make_clip: MakeClip, fields: dict[str, Any]
) -> None:
    clip = make_clip(**fields)
    for version in (None, clip.updated_at, clip.updated_at - timedelta(1)):
        with pytest.raises(Clip.DoesNotExist):
            record.record(play_of(clip, version=version))
    assert plays_of(clip) == 0


def test_each_play_of_a_group_has_its_own_outcome(
    make_clip: MakeClip, own_connection: None
) -> None:
    clip, draft = make_clip(), make_clip(state="draft")
    plays = [
        play_of(draft),
        play_of(clip),
        play_of(clip, clip_id=0),
        play_of(clip, version=clip.updated_at - timedelta(1)),
        play_of(clip, version=clip.updated_at),
    ]
    outcomes = record._write(plays)
    assert [outcome if isinstance(outcome, str) else "" for outcome in outcomes] == [
        *("missing", "", "missing", "changed", ""),
    ]
    assert plays_of(clip) == 2


def test_locked_clip_delays_no_other_and_its_play_is_recorded_afterwards(
    make_clip: MakeClip,
) -> None:
    clip, other = make_clip(), make_clip()
    with locked(clip):
        waiting = [submit(play_of(clip)) for _ in range(3)]
        for _ in range(20):
            submit(play_of(other)).result(20)
        assert not any(future.done() for future in waiting)
    assert len(wait(waiting, 20).done) == 3
    assert [plays_of(clip), plays_of(other)] == [3, 20]
    submit(play_of(clip)).result(20)
    assert not record._locked_clips


def test_play_of_a_clip_that_stays_locked_is_given_up(clip: Clip) -> None:
    with locked(clip):
        assert isinstance(submit(play_of(clip)).exception(20), NotWrittenError)
    assert plays_of(clip) == 0


def test_play_waits_for_a_locked_table(clip: Clip) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE library_librarytally IN SHARE ROW EXCLUSIVE MODE")
        waiting = submit(play_of(clip))
        assert not wait([waiting], 0.5).done
    assert waiting.result(20).event_id
    assert plays_of(clip) == 1


def test_missing_partition_is_created(clip: Clip) -> None:
    for partition in partitions.existing():
        partitions.drop(partition)
    assert submit(play_of(clip)).result(20).event_id
    assert plays_of(clip) == 1


def test_cause_of_a_failure_is_kept(clip: Clip) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE library_playevent ADD CONSTRAINT no_more CHECK (false)")
    try:
        error = submit(play_of(clip)).exception(20)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE library_playevent DROP CONSTRAINT no_more")
    assert isinstance(error, NotWrittenError)
    assert "no_more" in str(error.__cause__)
    assert plays_of(clip) == 0


def test_statements_are_planned_once(make_clip: MakeClip, own_connection: None) -> None:
    """The session keeps a generic plan for each statement of the function."""
    clip, other = make_clip(), make_clip()
    plans = (
        b"SELECT json_agg(used_bytes ORDER BY ident) FROM pg_backend_memory_contexts"
        b" WHERE name = 'CachedPlan' AND ident ~ 'FOR NO KEY UPDATE|INSERT INTO library_playevent'"
    )
    kept = []
    for plays in ([play_of(clip)], [play_of(clip), play_of(other)], [play_of(other)]):
        record._write(plays)
        kept += record._database.run((plans, ()))
    assert kept[0].count(b",") == 1  # two statements
    assert set(kept) == {kept[0]}


def test_processes_add_to_different_rows_of_the_librarys_tally() -> None:
    """Also in containers, whose processes have the same ids."""
    slots = set()
    for _ in range(50):
        record._slot.cache_clear()
        assert record._slot() == record._slot()
        slots.add(int(record._slot()))
    assert len(slots) > 10
    assert slots <= set(range(record.SLOTS))
