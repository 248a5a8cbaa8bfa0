"""The tasks: what each does, and what the documentation says of them."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import JobAborted

from harness.service import ROOT
from library.advisory_locks import advisory_lock
from library.models import Clip, Health, IdempotentAnswer, RequestCount, Task
from library.plays import partitions
from library.sources.rounds import LOCK
from library.tasks import declared
from library.tasks.retries import BackOff, ExpectedError
from tests.support import recipes
from tests.support.tasks import Context, execute


def run(task: Any, stopping: bool = False) -> None:
    task.func(Context(stopping), timestamp=int(timezone.now().timestamp()))


def health(clip: Clip) -> str:
    clip.refresh_from_db()
    return clip.health


def _tasks() -> list[Any]:
    app.perform_import_paths()
    return [task for task in app.tasks.values() if task.func.__module__.startswith("library.")]


def test_documented_tasks_are_the_declared_ones() -> None:
    table = re.findall(r"^\| `(\w+)` \| (\w+) \|", (ROOT / "docs/operating.md").read_text(), re.M)
    assert dict(table) == {task.name: task.queue for task in _tasks()}


def test_worker_refuses_a_queue_that_no_task_uses() -> None:
    names = r"audio, backfill, .*sources, webhooks"
    with pytest.raises(CommandError, match=rf"Unknown queue: nosuch\. There are {names}\.$"):
        call_command("worker", "--queues", "audio", "nosuch")


def test_periodic_tasks_neither_pile_up_nor_run_twice_at_once() -> None:
    tasks = [each.task for each in app.periodic_registry.periodic_tasks.values()]
    assert [task for task in tasks if not task.lock == task.queueing_lock == task.name] == []
    assert [task for task in tasks if not isinstance(task.retry_strategy, BackOff)] == []


def test_due_sources_are_checked(db: None) -> None:
    new = recipes.make_clip()
    checked = recipes.make_clip(health=Health.FAILING, health_checked_at=timezone.now())
    run(declared.check_sources)
    assert (health(new), health(checked)) == ("ok", "failing")


def test_sources_are_checked_on_request(db: None) -> None:
    clips = [recipes.make_clip(health_checked_at=timezone.now()) for _ in range(2)]
    other = recipes.make_clip()
    declared.check_sources_of.func(Context(), clip_ids=[clip.pk for clip in clips])
    assert [health(clip) for clip in (*clips, other)] == ["ok", "ok", "unchecked"]
    with pytest.raises(JobAborted):
        declared.check_sources_of.func(Context(stopping=True), clip_ids=[other.pk])


def test_checks_on_request_wait_for_others_so_that_no_host_is_hurried(db: None) -> None:
    clip = recipes.make_clip()
    assert declared.check_sources_of.lock == declared.check_sources.lock
    with advisory_lock(LOCK), pytest.raises(ExpectedError, match="by another process"):
        declared.check_sources_of.func(Context(), clip_ids=[clip.pk])
    assert health(clip) == "unchecked"


def test_audio_of_another_size_is_analysed(db: None) -> None:
    for size in (None, 1):
        clip = recipes.make_clip(size_bytes=size)
    run(declared.check_sources)
    (task,) = Task.objects.filter(task_name="analyse_clip")
    assert task.args == {"clip_id": clip.pk}


def test_check_of_sources_is_repeated_if_it_was_stopped(db: None) -> None:
    clip = recipes.make_clip()
    with pytest.raises(JobAborted):
        run(declared.check_sources, stopping=True)
    assert health(clip) == "unchecked"


def test_missing_partitions_are_created(transactional_db: None) -> None:
    last = partitions.existing()[-1]
    execute(f"DROP TABLE {last.table}")
    run(declared.prune_play_events)
    assert last in partitions.existing()


def test_left_over_uploads_are_deleted(db: None, tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    (tmp_path / "uploads").mkdir()
    old, new = tmp_path / "uploads/old.mp3", tmp_path / "uploads/new.mp3"
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    run(declared.prune_uploads)
    assert (old.exists(), new.exists()) == (False, True)


def test_expired_state_of_requests_is_deleted(db: None) -> None:
    for key, age in (("old", 25), ("new", 1)):
        IdempotentAnswer.objects.create(
            client=b"c", key=key, request=b"r", clips=[],
            created_at=timezone.now() - timedelta(hours=age),
        )  # fmt: skip
    RequestCount.objects.create(client="0" * 32, minute=1, count=1)
    run(declared.purge_requests)
    assert [answer.key for answer in IdempotentAnswer.objects.all()] == ["new"]
    assert not RequestCount.objects.exists()


def test_expired_sessions_are_deleted(db: None) -> None:
    now = timezone.now()
    for key, hours in (("old", -1), ("new", 1)):
        Session.objects.create(
            session_key=key, session_data="", expire_date=now + timedelta(hours=hours)
        )
    run(declared.clear_sessions)
    assert [session.session_key for session in Session.objects.all()] == ["new"]
