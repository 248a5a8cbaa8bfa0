"""The audit log: search, filters, values and number of queries."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from library import history
from library.admin.people import audit
from library.models import Clip
from tests.support.editors import editor

LOG = "/admin/admin/logentry/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def clip() -> Clip:
    return Clip.objects.create(
        title="Rock/Pop Rain", genre="jazz", duration=3, audio_file="samples/a.mp3"
    )


def note(user: User, thing: Model, flag: int = CHANGE, days_ago: int = 0) -> LogEntry:
    kind = ContentType.objects.get_for_model(thing)
    return LogEntry.objects.create(
        user=user,
        content_type=kind,
        object_id=str(thing.pk),
        object_repr=str(thing),
        action_flag=flag,
        action_time=timezone.now() - timedelta(days=days_ago),
    )


def found(client: Client, query: str) -> list[int]:
    """The ids of the entries on the page for this query string."""
    page: Any = client.get(f"{LOG}?{query}")
    assert page.status_code == HTTPStatus.OK
    return [entry.pk for entry in page.context["cl"].result_list]


def test_entry_shows_the_object_and_the_values(admin_client: Client, clip: Clip) -> None:
    before = history.values_of(clip)
    clip.title, clip.tags = "Rain", ["night"]
    history.note_changes(editor(), [(before, clip)])
    page = admin_client.get(LOG).text
    assert "<del>Rock/Pop Rain</del> → <ins>Rain</ins>" in page
    assert "<del>nothing</del> → <ins>night</ins>" in page
    assert f'href="/admin/library/clip/{clip.pk}/change/"' in page
    entry = LogEntry.objects.get()
    assert "<ins>night</ins>" in admin_client.get(f"{LOG}{entry.pk}/change/").text


def test_values_are_escaped(admin_client: Client, clip: Clip) -> None:
    before = history.values_of(clip)
    clip.title = "<script>alert(1)</script>"
    history.note_changes(editor(), [(before, clip)])
    assert "<script>alert" not in admin_client.get(LOG).text


def test_log_is_filtered_and_searched(admin_client: Client, clip: Clip) -> None:
    first, second = editor("first"), editor("second")
    added = note(first, clip, ADDITION, days_ago=3).pk
    changed = note(second, clip, days_ago=1).pk
    deleted = note(second, first, DELETION).pk
    today = timezone.now().date()
    users = ContentType.objects.get_for_model(User).pk
    expected = {
        "": [deleted, changed, added],
        f"user__id__exact={first.pk}": [added],
        f"kind={DELETION}": [deleted],
        f"thing={users}": [deleted],
        "thing=nonsense": [deleted, changed, added],
        "kind=²": [deleted, changed, added],
        f"action_time_from={today}": [deleted],
        f"action_time_from={today - timedelta(days=2)}&action_time_to={today}": [deleted, changed],
        f"action_time_to={today - timedelta(days=3)}": [added],
        "action_time_from=nonsense&action_time_to=9999-12-31": [deleted, changed, added],
        "q=pop": [changed, added],
        "q=rai+rock": [changed, added],
        "q=first": [deleted],
        "q=nowhere": [],
        'q="pop+rain"': [changed, added],
        "q=pop+-rock": [],
        "q=-rock": [],
        f"q={clip.pk}": [changed, added],
    }
    assert {query: found(admin_client, query) for query in expected} == expected


def test_common_word_is_found_too(
    admin_client: Client, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "FEW", 2)
    entries = [note(author, clip).pk for author in (editor("one"), editor("two"))]
    assert found(admin_client, "q=rain") == entries[::-1]


def test_log_is_read_only(admin_client: Client, clip: Clip) -> None:
    entry = note(editor(), clip)
    for page in (f"{LOG}add/", f"{LOG}{entry.pk}/delete/"):
        assert admin_client.post(page, {"post": "yes"}).status_code == HTTPStatus.FORBIDDEN
    assert admin_client.post(f"{LOG}{entry.pk}/change/").status_code == HTTPStatus.FORBIDDEN


def test_page_takes_a_constant_number_of_queries(
    admin_client: Client, clip: Clip, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        user = editor(f"user {number}")
        note(user, user)
        note(user, clip)
    with django_assert_max_num_queries(5):
        admin_client.get(LOG)


MANY = """
INSERT INTO django_admin_log (
    action_time, object_id, object_repr, action_flag, change_message, content_type_id, user_id
)
SELECT now() - n * interval '1 hour', n, 'Clip ' || n, 2, '', %s, %s FROM generate_series(1, 9000) n
"""


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("object_id = '7' AND content_type_id = {kind}", "library_log_of_object"),
        ("library_words(object_repr) @@ 'rain:*'::tsquery", "library_log_words"),
        ("action_time < now() - interval '1 year'", "library_log_time"),
    ],
)
def test_queries_use_an_index(condition: str, index: str) -> None:
    kind = ContentType.objects.get_for_model(Clip).pk
    with connection.cursor() as cursor:
        cursor.execute(MANY, [kind, editor().pk])
        cursor.execute("ANALYZE django_admin_log")
        cursor.execute(
            f"EXPLAIN SELECT id FROM django_admin_log WHERE {condition.format(kind=kind)}"
        )
        assert index in str(cursor.fetchall())
