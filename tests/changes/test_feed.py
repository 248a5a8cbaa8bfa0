"""The feed of changes: complete, in the order of the commits, also of changes made by SQL."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from library.changes import feed
from library.changes.version import library_token
from library.models import Client, Clip, Kind, State
from library.models.fields import CLIP_FIELDS, PLAYS
from library.plays.record import Play, record
from tests.support.database import other_connection
from tests.support.recipes import linked_clip

Seen = list[tuple[int, str, str | None]]


@pytest.fixture(autouse=True)
def _committed(transactional_db: None) -> None:
    """Commit what the tests write: changes are numbered by the commit."""


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def clips(*made: Clip) -> Any:
    return Clip.objects.filter(pk__in=[clip.pk for clip in made])


def seen(after: int) -> Seen:
    return [(c.clip_id, c.change, c.reason) for c in feed.changes_after(after, 100_000)]


def forget() -> int:
    return feed.latest()


STATES: dict[str, dict[str, Any]] = {
    "draft": {"state": State.DRAFT},
    "published": {"state": State.PUBLISHED},
    "withdrawn": {"state": State.WITHDRAWN, "withdrawn_reason": "Rights"},
    "deleted": {"state": State.PUBLISHED, "deleted_at": timezone.now()},
    "deleted draft": {"state": State.DRAFT, "deleted_at": timezone.now()},
}
EXPECTED = {
    **{("published", to): "withdrawn" for to in ("draft", "withdrawn")},
    **{("published", to): "deleted" for to in ("deleted", "deleted draft")},
    **{(by, "published"): "restored" for by in ("withdrawn", "deleted", "deleted draft")},
    ("draft", "published"): "published",
}


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_change_of_the_state(before: str, after: str) -> None:
    clip, other = linked_clip.make(**STATES[before]), linked_clip.make()
    start = forget()
    kept = {"state": State.PUBLISHED, "withdrawn_reason": None, "deleted_at": None}
    clips(clip).update(**{**kept, **STATES[after]})
    expected = EXPECTED.get((before, after))
    reason = "Rights" if (before, after) == ("published", "withdrawn") else None
    assert seen(start) == ([(clip.pk, expected, reason)] if expected else [])
    assert other.pk not in [clip_id for clip_id, _, _ in seen(start)]


@pytest.mark.parametrize("state", STATES)
def test_addition_and_removal(state: str) -> None:
    start = forget()
    clip = linked_clip.make(**STATES[state])
    number = clip.pk
    sql("DELETE FROM library_clip WHERE id = %s", number)
    both: Seen = [(number, "published", None), (number, "deleted", None)]
    assert seen(start) == (both if state == "published" else [])


SHOWN = [
    field.name
    for field in CLIP_FIELDS
    if field.shown and field.writer is not PLAYS and field.name not in ("id", "state")
]


@pytest.mark.parametrize("name", [*SHOWN, "audio_file", "health_reason", "health_since"])
def test_every_shown_column_is_a_change(name: str) -> None:
    clip = linked_clip.make()
    start = forget()
    kind = Clip._meta.get_field(name).db_type(connection)
    value = {"double precision": "7.5", "bigint": "77", "jsonb": "'[1]'"}.get(kind or "", "'x'")
    if kind == "timestamp with time zone":
        value = "now()"
    if kind and kind.endswith("]"):
        value = "array['x']"
    rest = ", audio_url = ''" if name == "audio_file" else ""
    sql(f'UPDATE library_clip SET "{name}" = {value}{rest} WHERE id = %s', clip.pk)
    assert seen(start) == [(clip.pk, "updated", None)]


UNSEEN: dict[str, Callable[[Clip], Any]] = {
    "play": lambda clip: record(Play(clip.pk, Kind.PLAIN, None, None, Client.OTHER, "")),
    "counter": lambda clip: clips(clip).update(play_count=9, last_played_at=timezone.now()),
    "check": lambda clip: clips(clip).update(health_checked_at=timezone.now()),
    "same values": lambda clip: clips(clip).update(title=clip.title),
    "no clip": lambda clip: Clip.objects.filter(pk=0).update(title="x"),
}


@pytest.mark.parametrize("change", UNSEEN.values(), ids=UNSEEN)
def test_what_clients_do_not_see_is_no_change(change: Callable[[Clip], Any]) -> None:
    clip = linked_clip.make()
    start = forget()
    change(clip)
    assert seen(start) == []
    assert feed.latest() == start


def test_one_statement_with_several_changes() -> None:
    one, two, three = linked_clip.make(_quantity=3)
    start = forget()
    sql(
        "UPDATE library_clip SET title = 'x', deleted_at = CASE id WHEN %s THEN now() END,"
        " state = CASE id WHEN %s THEN 'withdrawn' ELSE state END, withdrawn_reason = 'R'"
        " WHERE id <> %s",
        *(one.pk, two.pk, 0),
    )
    assert sorted(seen(start)) == [
        (one.pk, "deleted", None),
        (two.pk, "withdrawn", "R"),
        (three.pk, "updated", None),
    ]


def test_renumbered_clip_is_deleted_and_published() -> None:
    clip = linked_clip.make()
    start = forget()
    sql("UPDATE library_clip SET id = %s WHERE id = %s", clip.pk + 50, clip.pk)
    assert sorted(seen(start)) == [(clip.pk, "deleted", None), (clip.pk + 50, "published", None)]


def test_truncation_deletes_the_public_clips() -> None:
    clip = linked_clip.make()
    linked_clip.make(state=State.DRAFT)
    start = forget()
    sql("TRUNCATE library_clip CASCADE")
    assert seen(start) == [(clip.pk, "deleted", None)]


def test_changes_are_in_the_order_of_the_commits() -> None:
    one, two, three = linked_clip.make(_quantity=3)
    start = forget()
    rename = "UPDATE library_clip SET title = 'x' WHERE id = %s"
    with other_connection() as first, other_connection() as second:
        first.execute("SET LOCAL lock_timeout = '1ms'")
        first.execute(rename, [one.pk])
        second.execute("SET LOCAL lock_timeout = '1ms'")
        second.execute(rename, [two.pk])
        assert seen(start) == []
        second.execute("COMMIT")
        assert [clip for clip, _, _ in seen(start)] == [two.pk]
        sql(rename, three.pk)
        first.execute("COMMIT")
    assert [clip for clip, _, _ in seen(start)] == [two.pk, three.pk, one.pk]
    times = [change.at for change in feed.changes_after(start, 9)]
    assert times == sorted(times)


def test_rolled_back_change_is_none() -> None:
    clip = linked_clip.make()
    start = forget()
    with transaction.atomic():
        clips(clip).mark_deleted()
        transaction.set_rollback(True)
    clips(clip).update(title="x")
    assert seen(start) == [(clip.pk, "updated", None)]


def test_large_statement_is_stored_in_portions_and_read_in_pages() -> None:
    start = forget()
    linked_clip.make()
    sql(
        "INSERT INTO library_clip (title, description, genre, tags, duration, state, audio_url,"
        " audio_file, health, play_count, created_at, updated_at)"
        " SELECT 'x', '', 'x', '{}', 1, 'published', 'https://example.com/' || n, '', 'unchecked',"
        " 0, now(), now() FROM generate_series(1, 25000) n"
    )
    every = feed.changes_after(start, 100_000)
    assert [change.clip_id for change in every] == sorted(Clip.objects.values_list("pk", flat=True))
    with connection.cursor() as database:
        database.execute("SELECT max(cardinality(clips)) FROM library_change")
        assert database.fetchone()[0] == feed.PORTION
    read: list[feed.Change] = []
    cursor = feed.BEGINNING
    while (page := feed.page(cursor, 999)).changes:
        read += page.changes
        cursor = page.cursor
    assert read == every
    assert feed.page(cursor, 999) == feed.Page([], cursor)


def test_cursor_at_the_end_stays_valid_while_other_things_change() -> None:
    clip = linked_clip.make()
    cursor = feed.page(feed.BEGINNING, 10).cursor
    assert cursor == feed.end_of_feed()
    clips(clip).update(play_count=9)
    page = feed.page(cursor, 10)
    assert not page.changes
    assert feed.page(page.cursor, 10).cursor == page.cursor
    clips(clip).update(title="x")
    for before in (cursor, page.cursor):
        assert [change.change for change in feed.page(before, 10).changes] == ["updated"]


def test_pruning_keeps_the_library_and_expires_cursors() -> None:
    made = linked_clip.make(_quantity=5)
    old = feed.page(feed.BEGINNING, 2).cursor
    clips(made[0]).mark_deleted()
    sql("UPDATE library_change SET at = at - interval '40 days'")
    deleted = feed.end_of_feed()
    clips(made[1]).withdraw("Rights")
    sql("UPDATE library_change SET at = at - interval '35 days' WHERE change = 'withdrawn'")
    end = feed.end_of_feed()
    clips(made[2]).update(title="x")
    newest = feed.end_of_feed()
    before = library_token()
    assert feed.prune(timezone.now() - feed.KEPT) == 6
    assert library_token().changes != before.changes  # kept pages have cursors that have expired
    for cursor in (old, deleted):
        with pytest.raises(feed.CursorExpiredError):
            feed.page(cursor, 10)
    assert [change.change for change in feed.page(end, 10).changes] == ["updated"]
    assert feed.page(newest, 10) == feed.Page([], newest)
    first = feed.page(feed.BEGINNING, 1)
    rest = feed.page(first.cursor, 10)
    assert [(c.clip_id, c.change) for c in (*first.changes, *rest.changes)] == [
        (made[3].pk, "published"),
        (made[4].pk, "published"),
        (made[1].pk, "withdrawn"),
        (made[2].pk, "updated"),
    ]
    with pytest.raises(feed.CursorExpiredError):
        feed.changes_after(1, 10)
    assert feed.prune(timezone.now() - feed.KEPT) == 0
    assert feed.page(newest, 10).changes == []


def test_quiet_library_keeps_the_place_of_those_who_have_read_all() -> None:
    linked_clip.make(_quantity=2)
    end, seq = feed.page(feed.BEGINNING, 10).cursor, feed.latest()
    for _ in range(3):
        clip = linked_clip.make(state=State.DRAFT)
        clips(clip).update(play_count=1)
        feed.prune(timezone.now() + timedelta(days=1))
        assert feed.page(end, 10) == feed.Page([], end)
        assert feed.changes_after(seq, 10) == []
    assert len(feed.page(feed.BEGINNING, 10).changes) == 2


def test_those_who_have_read_all_of_a_quiet_month_miss_nothing_afterwards() -> None:
    made = linked_clip.make(_quantity=3)
    sql("UPDATE library_change SET at = at - interval '40 days'")
    end, seq = feed.end_of_feed(), feed.latest()
    clips(made[0]).update(play_count=1)
    clips(made[0]).update(title="x")
    assert feed.prune(timezone.now() - feed.KEPT) == 2
    assert feed.prune(timezone.now() - feed.KEPT) == 0
    changes = feed.page(end, 10).changes
    assert [change.change for change in changes] == ["updated"]
    assert feed.changes_after(seq, 10) == changes


def test_pruning_while_a_page_is_read_expires_the_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    linked_clip.make(_quantity=3)
    cursor, read = feed.page(feed.BEGINNING, 1).cursor, feed._read

    def read_late(*values: Any) -> list[feed.Change]:
        feed.prune(timezone.now() + timedelta(days=1))
        return read(*values)

    monkeypatch.setattr(feed, "_read", read_late)
    with pytest.raises(feed.CursorExpiredError):
        feed.page(cursor, 10)


def test_cursor_of_another_history_is_expired() -> None:
    linked_clip.make()
    seq, _, at = feed.end_of_feed().partition(".")
    for cursor in (f"{seq}.{int(at) + 1}", f"{int(seq) + 1}.{at}"):
        with pytest.raises(feed.CursorExpiredError):
            feed.page(cursor, 10)


def test_numbers_raised_after_a_restored_backup() -> None:
    """The statement of docs/operating.md."""
    clip = linked_clip.make()
    end, seq = feed.end_of_feed(), feed.latest()
    lost = f"{seq + 5}.1"  # from after the backup
    sql("UPDATE library_changestate SET last_seq = last_seq + 1000000000")
    assert feed.page(end, 10) == feed.Page([], end)
    assert (feed.end_of_feed(), feed.latest()) == (end, seq)
    clips(clip).update(title="x")
    assert [change.seq for change in feed.page(end, 10).changes] == [seq + 1_000_000_001]
    with pytest.raises(feed.CursorExpiredError):
        feed.page(lost, 10)


@pytest.mark.parametrize("cursor", ["", "1", ".", "x.1", "-1.0", "1.0.0", "\u0661.1", f"{2**63}.1"])
def test_malformed_cursor(cursor: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        feed.seq_of(cursor)
