"""The library's token: it differs after each change that lists show, and counts public clips."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client as Browser
from django.utils import timezone

from library.changes.version import library_token
from library.models import Client, Clip, Kind, State
from library.plays import rebuild
from library.plays.record import Play, record
from tests.admin.exchange.steps import Importing, person
from tests.support.changelist import act
from tests.support.database import other_connection
from tests.support.editors import bearer, chief, editor
from tests.support.recipes import linked_clip, make_clip

NEW = {"title": "A", "genre": "jazz", "duration": 5, "audio_url": "https://example.com/a.mp3"}
MAY_IMPORT = ("import_clip", "add_clip", "change_clip", "view_clip")


@pytest.fixture(autouse=True)
def _committed(transactional_db: None) -> None:
    """Commit what the tests write: a token is the same within a transaction."""


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def play(clip: Clip) -> None:
    record(Play(clip.pk, Kind.PLAIN, None, None, Client.OTHER, ""))


def clips(clip: Clip) -> Any:
    return Clip.objects.filter(pk=clip.pk)


def post(clip: Clip) -> None:
    answer = Browser().post("/api/v1/clips", NEW, content_type="application/json")
    assert answer.status_code == 201


def patch(clip: Clip) -> None:
    path, headers = f"/api/v1/clips/{clip.pk}", bearer(editor())
    answer = Browser().patch(path, {"title": "B"}, content_type="application/json", headers=headers)
    assert answer.status_code == 200


def delete(clip: Clip) -> None:
    answer = Browser().delete(f"/api/v1/clips/{clip.pk}", headers=bearer(editor()))
    assert answer.status_code == 204


def bulk_edit(clip: Clip) -> None:
    browser = Browser()
    browser.force_login(chief())
    names = ("add_tags", "remove_tags", "replace_tags", "licence", "creator", "creator_url")
    form = {"genre": "drone", **dict.fromkeys(names, "")}
    page = act(browser, "bulk_edit", [clip], step="preview", **form)
    act(browser, "bulk_edit", [clip], step="apply", version=page.context["version"], **form)
    assert clips(clip).get().genre == "drone"


def import_file(clip: Clip) -> None:
    browser = Browser()
    browser.force_login(person("anna", *MAY_IMPORT))
    Importing(browser).choose(f"id,title\n{clip.pk},C\n").confirm()
    assert clips(clip).get().title == "C"


CHANGES: dict[str, Callable[[Clip], Any]] = {
    "POST": post,
    "PATCH": patch,
    "DELETE": delete,
    "bulk edit": bulk_edit,
    "import": import_file,
    "form": lambda clip: clip.save(),
    "withdrawal": lambda clip: clips(clip).withdraw("Rights"),
    "deletion": lambda clip: clips(clip).mark_deleted(),
    "check of a source": lambda clip: clips(clip).note_source("origin_timeout", None, None),
    "UPDATE": lambda clip: sql("UPDATE library_clip SET title = 'D' WHERE id = %s", clip.pk),
    "changed counter": lambda clip: sql("UPDATE library_clip SET play_count = play_count + 1"),
    "DELETE in SQL": lambda clip: sql("DELETE FROM library_clip WHERE id = %s", clip.pk),
    "play": play,
    "recount": lambda clip: rebuild.recount_clips(clip.pk),
    "rebuilt tally": lambda clip: rebuild.rebuild_library_tally(),
    "changed tally": lambda clip: sql("UPDATE library_librarytally SET plays = 0 WHERE plays > 9"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_every_change_alters_the_token(change: Callable[[Clip], Any]) -> None:
    clip = linked_clip.make(play_count=7)
    before = library_token()
    assert library_token() == before
    change(clip)
    after = library_token()
    assert after != before
    assert after.available == Clip.objects.available().count()


QUIET: dict[str, Callable[[Clip], Any]] = {
    "check without news": lambda clip: clips(clip).update(health_checked_at=timezone.now()),
    "same values": lambda clip: clips(clip).update(title=clip.title, play_count=clip.play_count),
    "no clip": lambda clip: Clip.objects.filter(pk=0).update(title="x"),
    "draft": lambda clip: linked_clip.make(state=State.DRAFT),
    "changed draft": lambda clip: Clip.objects.filter(state=State.DRAFT).update(title="x"),
    "played draft": lambda clip: Clip.objects.filter(state=State.DRAFT).update(play_count=9),
    "deleted draft": lambda clip: Clip.objects.filter(state=State.DRAFT).mark_deleted(),
    "DELETE of a draft": lambda clip: sql("DELETE FROM library_clip WHERE state = 'draft'"),
    "recount that finds no error": lambda clip: rebuild.recount_clips(clip.pk),
}


@pytest.mark.parametrize("change", QUIET.values(), ids=QUIET.keys())
def test_what_no_list_shows_leaves_the_token_and_writes_nothing(
    change: Callable[[Clip], Any],
) -> None:
    clip = linked_clip.make()
    linked_clip.make(state=State.DRAFT)
    before = library_token()
    change(clip)
    assert library_token() == before
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM library_change WHERE change IS NULL")
        assert cursor.rowcount == 0


def test_restored_clip_alters_the_token() -> None:
    clip = linked_clip.make(deleted_at=timezone.now())
    before = library_token()
    clips(clip).restore()
    assert library_token() == before._replace(changes=before.changes + 1, available=1)


def test_play_alters_only_the_number_of_plays() -> None:
    clip = make_clip()
    before = library_token()
    play(clip)
    assert library_token() == before._replace(plays=before.plays + 1)


def test_rolled_back_change_does_not_alter_the_token() -> None:
    clip = linked_clip.make()
    before = library_token()
    with transaction.atomic():
        clips(clip).mark_deleted()
        transaction.set_rollback(True)
    assert library_token() == before


def test_concurrent_writers_do_not_wait_and_each_commit_alters_the_token() -> None:
    one, two = linked_clip.make(_quantity=2)
    tokens = [library_token()]
    delete = "UPDATE library_clip SET deleted_at = now() WHERE id = %s"
    with other_connection() as first, other_connection() as second:
        for other, clip in ((first, one), (second, two)):
            other.execute("SET LOCAL lock_timeout = '1ms'")
            other.execute(delete, [clip.pk])
            assert library_token() == tokens[0]
        second.execute("COMMIT")  # the one that began later
        tokens.append(library_token())
        first.execute("COMMIT")
        tokens.append(library_token())
    changes = tokens[0].changes
    assert [(token.changes - changes, token.available) for token in tokens] == [
        (0, 2),
        (1, 1),
        (2, 0),
    ]


def test_number_of_clips_is_exact_after_any_series_of_changes() -> None:
    dice = random.Random(5)

    def some() -> Any:
        ids = list(Clip.objects.values_list("pk", flat=True))
        return Clip.objects.filter(pk__in=dice.sample(ids, dice.randrange(len(ids) + 1)))

    def add() -> None:
        Clip.objects.bulk_create(
            linked_clip.prepare(state=dice.choice(State.values), _quantity=dice.randrange(1, 5))
        )

    def upsert() -> None:
        """Insert one clip and update another, in one statement."""
        clip = linked_clip.make()
        both = [Clip(pk=clip.pk, **NEW, deleted_at=timezone.now()), Clip(pk=clip.pk + 7, **NEW)]
        Clip.objects.bulk_create(
            both,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=["deleted_at"],
        )
        sql("SELECT setval(pg_get_serial_sequence('library_clip', 'id'), %s)", clip.pk + 7)

    operations: list[Callable[[], Any]] = [
        add,
        upsert,
        lambda: some().publish(),
        lambda: some().make_draft(),
        lambda: some().withdraw("Rights"),
        lambda: some().mark_deleted(),
        lambda: some().restore(),
        lambda: some().delete() if dice.random() < 0.2 else None,
    ]
    for _ in range(100):
        dice.choice(operations)()
        assert library_token().available == Clip.objects.available().count()
    sql("TRUNCATE library_clip CASCADE")
    assert library_token().available == 0


def test_concurrent_changes_are_all_numbered() -> None:
    made = linked_clip.make(_quantity=8)
    before = library_token()

    def change(clip: Clip) -> None:
        try:
            for turn in range(60):
                clips(clip).update(deleted_at=timezone.now() if turn % 2 == 0 else None)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, made))
    assert library_token() == before._replace(changes=before.changes + 480)


def test_token_includes_the_changes_of_the_transaction() -> None:
    before = library_token()
    with transaction.atomic():
        linked_clip.make(_quantity=2)
        linked_clip.make(state=State.DRAFT)
        assert library_token().available == before.available + 2
        assert library_token().changes > before.changes
    assert library_token().available == before.available + 2
