"""The list of tasks in the back office."""

from http import HTTPStatus
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from library.models import Task
from library.models.task import title_of
from tests.support.editors import editor, member
from tests.support.recipes import make_clip
from tests.support.tasks import defer, end, execute

LIST = "/admin/library/task/"


def failed(error: str = "ValueError: broken", **options: Any) -> int:
    pk = defer("check_sources", **options)
    end(pk, "failed", 1)
    execute("INSERT INTO library_taskerror VALUES (%s, %s, now())", pk, error)
    return pk


def act(client: Client, action: str, *tasks: int) -> str:
    form = {"action": action, "_selected_action": [*map(str, tasks)]}
    return str(client.post(f"{LIST}?state=all", form, follow=True).content.decode())


def listed(client: Client, query: str = "") -> list[str]:
    page: Any = client.get(f"{LIST}?{query}")
    return sorted(title_of(task.task_name) for task in page.context["cl"].result_list)


def status(pk: int) -> str:
    return Task.objects.get(pk=pk).status


def test_list_shows_what_waits_runs_or_has_failed_with_the_last_error(
    admin_client: Client,
) -> None:
    failed()
    defer("prune_uploads")
    end(defer("clear_sessions"), "succeeded", 1)
    assert listed(admin_client) == ["Check sources", "Prune uploads"]
    assert "ValueError: broken" in admin_client.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("state=failed", ["Check sources"]),
        ("state=todo", ["Prune uploads"]),
        ("state=succeeded", ["Clear sessions"]),
        ("state=all", ["Check sources", "Clear sessions", "Prune uploads"]),
        ("state=all&task=prune_uploads", ["Prune uploads"]),
        ("state=nonsense", ["Check sources", "Prune uploads"]),
    ],
)
def test_tasks_are_filtered_by_status_and_name(
    admin_client: Client, query: str, shown: list[str]
) -> None:
    failed()
    defer("prune_uploads")
    end(defer("clear_sessions"), "succeeded", 1)
    assert listed(admin_client, query) == shown


def test_failed_task_is_retried_with_all_its_attempts(admin_client: Client) -> None:
    pk = failed()
    assert "1 task will run again." in act(admin_client, "retry", pk)
    task = Task.objects.get(pk=pk)
    assert (task.status, task.attempts) == ("todo", 0)


def test_task_that_waits_already_is_not_retried(admin_client: Client) -> None:
    pk, other = failed(queueing_lock="one"), failed()
    defer("check_sources", queueing_lock="one")
    page = act(admin_client, "retry", pk, other)
    assert "1 task will run again." in page
    assert "Not retried, because the same task is waiting already: 1." in page
    assert (status(pk), status(other)) == ("failed", "todo")


def test_waiting_task_is_cancelled(admin_client: Client) -> None:
    pk = defer("check_sources")
    assert "1 task cancelled." in act(admin_client, "cancel", pk)
    assert status(pk) == "cancelled"


def test_audit_log_has_who_retried_and_cancelled_which_task(admin_client: Client) -> None:
    pk, waiting = failed(), defer("prune_uploads")
    act(admin_client, "retry", pk, waiting)
    act(admin_client, "cancel", pk, waiting)
    entries = LogEntry.objects.order_by("pk")
    assert [(entry.object_repr, entry.change_message) for entry in entries] == [
        (f"Check sources {pk}", "Retried."),
        (f"Check sources {pk}", "Cancelled."),
        (f"Prune uploads {waiting}", "Cancelled."),
    ]
    (kind,) = {entry.content_type_id for entry in entries}
    page = admin_client.get(f"/admin/admin/logentry/?thing={kind}&q={pk}").content.decode()
    assert f'{LIST}{pk}/change/"' in page
    assert "Retried." in page
    assert "Cancelled." in admin_client.get(f"{LIST}{pk}/history/").content.decode()


def test_running_task_is_neither_retried_nor_cancelled(admin_client: Client) -> None:
    pk = defer("check_sources")
    execute("UPDATE procrastinate_jobs SET status = 'doing'")
    assert "Only failed tasks can be retried." in act(admin_client, "retry", pk)
    assert "Only waiting tasks can be cancelled." in act(admin_client, "cancel", pk)
    assert status(pk) == "doing"


def test_page_of_a_task_shows_its_error_and_its_history(admin_client: Client) -> None:
    pk = failed(error="OSError: " + "no space " * 50)
    page = admin_client.get(f"{LIST}{pk}/change/").content.decode()
    assert "no space " * 50 in page
    assert "put into the queue" in page
    assert "failed" in page


def subject(client: Client, pk: int) -> str:
    """Return the clip of a task, on its page and in the list."""
    page: Any = client.get(f"{LIST}{pk}/change/")
    task = page.context["original"]
    shown: str = page.context["adminform"].model_admin.subject(task)
    for content in (page.content, client.get(LIST).content):
        assert shown in content.decode()
    return shown


def test_clip_of_a_task_is_shown_with_the_variant_of_a_rendition(admin_client: Client) -> None:
    clip = make_clip(title="Rain & Wind")
    link = f'<a href="/admin/library/clip/{clip.pk}/change/" class="underline">Rain &amp; Wind</a>'
    variant = {"part": "preview", "format": "mp3", "quality": "high"}
    for task, arguments, shown in (
        ("analyse_clip", {"clip_id": clip.pk}, f"<span>{link}</span>"),
        (
            "make_rendition",
            {"clip_id": clip.pk, **variant},
            f"<span>{link} (preview, mp3, high)</span>",
        ),
        ("analyse_clip", {"clip_id": 2**40}, f"<span>Clip {2**40}</span>"),
        ("renew_renditions_of", {"clip_ids": [1, 2]}, "2 clips"),
        ("check_sources", {}, "-"),
    ):
        assert subject(admin_client, defer(task, task_kwargs=arguments)) == shown


def test_events_of_a_task_are_in_their_order_although_transactions_overlap(db: None) -> None:
    pk = defer("check_sources")
    end(pk, "succeeded", 1)
    execute("UPDATE procrastinate_events SET at = now() + interval '1 s' WHERE type = 'deferred'")
    types = [type_ for _, type_ in Task.objects.get(pk=pk).events()]
    assert types == ["deferred", "started", "succeeded"]


def test_only_administrators_see_tasks(client: Client, db: None) -> None:
    for user in (editor(), member("Analysts")):
        client.force_login(user)
        assert client.get(LIST).status_code == HTTPStatus.FORBIDDEN
        assert "/admin/library/task/" not in client.get("/admin/").content.decode()


def test_permission_to_view_gives_no_actions(client: Client, db: None) -> None:
    user: User = editor("viewer", "view_task")
    client.force_login(user)
    pk = failed()
    page = client.get(LIST).content.decode()
    assert "Retry failed" not in page
    act(client, "retry", pk)
    assert status(pk) == "failed"


def test_list_takes_as_many_queries_for_many_tasks(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    clip = make_clip()
    for _ in range(20):
        failed(task_kwargs={"clip_id": clip.pk})
    with django_assert_max_num_queries(8):
        admin_client.get(LIST)
