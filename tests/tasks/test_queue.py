"""How tasks are put into the queue."""

import pytest
from django.db import connection, transaction
from procrastinate import JobContext
from procrastinate.contrib.django import app
from pytest_django import DjangoAssertNumQueries

from library.models import Task
from library.tasks.queue import (
    AUDIO,
    BACKFILL,
    LONG,
    RENDITIONS,
    defer,
    defer_many,
    number_due,
    queues_of,
    task,
)
from tests.support.tasks import execute

pytestmark = pytest.mark.django_db


@task(AUDIO)
def example(context: JobContext, clip: int, part: str = "") -> None:
    """A task that nothing executes."""


def queue() -> list[tuple[str, dict[str, object]]]:
    """Return queue and arguments of the tasks that wait, in the order in which they are taken."""
    waiting = Task.objects.filter(status="todo").order_by("-priority", "pk")
    return list(waiting.values_list("queue_name", "args"))


def test_task_has_the_name_of_its_function() -> None:
    assert app.tasks["example"] is example
    assert defer(example, clip=1)
    assert Task.objects.get().task_name == "example"


def test_task_exists_only_if_its_transaction_is_committed() -> None:
    with transaction.atomic():
        defer(example, clip=1)
        transaction.set_rollback(True)
    assert queue() == []


def test_same_task_waits_once_and_its_transaction_goes_on() -> None:
    with transaction.atomic():
        added = [defer(example, clip=1, part="a"), defer(example, part="a", clip=1)]
        added.append(defer(example, clip=2))
    assert added == [True, False, True]
    assert queue() == [("audio", {"clip": 1, "part": "a"}), ("audio", {"clip": 2})]


def test_task_that_runs_can_wait_again_but_does_not_run_twice_at_once() -> None:
    defer(example, clip=1)
    execute("UPDATE procrastinate_jobs SET status = 'doing'")
    assert defer(example, clip=1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM procrastinate_fetch_job_v2(NULL, NULL)")
        assert cursor.fetchone() == (None,)


def test_backfill_is_taken_last() -> None:
    assert defer_many(example, ({"clip": clip} for clip in (1, 2, 2)), queue=BACKFILL) == 2
    defer(example, clip=3)
    assert queue() == [
        ("audio", {"clip": 3}), ("backfill", {"clip": 1}), ("backfill", {"clip": 2})
    ]  # fmt: skip


def test_task_that_is_needed_soon_leaves_the_backfill_and_does_not_return() -> None:
    defer_many(example, [{"clip": 1}, {"clip": 2}], queue=BACKFILL)
    assert defer(example, clip=2)
    assert not defer(example, clip=2, queue=BACKFILL)
    assert queue() == [("audio", {"clip": 2}), ("backfill", {"clip": 1})]


def test_requested_renditions_are_taken_between_other_tasks_and_the_backfill() -> None:
    for clip, name in enumerate((BACKFILL, RENDITIONS, AUDIO)):
        defer(example, clip=clip, queue=name)
    assert [name for name, _ in queue()] == ["audio", "renditions", "backfill"]
    assert {RENDITIONS, BACKFILL} < LONG


def test_long_arguments_are_no_long_key() -> None:
    longest = "ä" * 100_000
    assert defer(example, clip=1, part=longest)
    assert not defer(example, clip=1, part=longest)
    assert defer(example, clip=1, part=f"{longest}b")
    assert queues_of(example, [{"part": longest, "clip": 1}, {"clip": 2}]) == ["audio", ""]


def test_tasks_that_are_due_are_counted() -> None:
    defer_many(example, [{"clip": 1}, {"clip": 2}], queue=RENDITIONS)
    defer(example, clip=3)
    execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE args->>'clip' = '2'")
    assert (number_due(RENDITIONS), number_due(AUDIO)) == (1, 1)
    assert queues_of(example, [{"clip": 2}]) == ["renditions"]


def test_any_number_of_tasks_takes_one_statement(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(1):
        defer_many(example, ({"clip": clip} for clip in range(100)))
    with django_assert_num_queries(0):
        defer_many(example, [])
