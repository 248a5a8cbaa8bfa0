"""Errors of PostgreSQL become 503, each SQLSTATE with its code; other errors stay 500."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from django.contrib.sessions.models import Session
from django.db import DatabaseError, Error, InterfaceError, OperationalError, connection
from django.test import Client
from django.utils import timezone

from library.access.sessions import SessionStore
from library.api import errors
from library.api.errors import api_error
from library.database_errors import FAULTS, fault_of
from library.models import Clip
from tests.support.editors import bearer, chief, editor
from tests.support.recipes import sample_clip

UNAVAILABLE, READ_ONLY, BUSY = "database_unavailable", "database_read_only", "database_busy"
STATES = {
    "08000": UNAVAILABLE,  # connection_exception
    "08006": UNAVAILABLE,  # connection_failure
    "08P01": UNAVAILABLE,  # protocol_violation, PgBouncer's usual state
    "25006": READ_ONLY,  # read_only_sql_transaction
    "25P03": UNAVAILABLE,  # idle_in_transaction_session_timeout
    "25P04": BUSY,  # transaction_timeout
    "40001": BUSY,  # serialization_failure
    "40P01": BUSY,  # deadlock_detected
    "53000": UNAVAILABLE,  # insufficient_resources
    "53100": UNAVAILABLE,  # disk_full
    "53200": UNAVAILABLE,  # out_of_memory
    "53300": UNAVAILABLE,  # too_many_connections
    "55P03": BUSY,  # lock_not_available
    "57014": BUSY,  # query_canceled
    "57P01": UNAVAILABLE,  # admin_shutdown
    "57P02": UNAVAILABLE,  # crash_shutdown
    "57P03": UNAVAILABLE,  # cannot_connect_now
    "57P04": UNAVAILABLE,  # database_dropped
    "57P05": UNAVAILABLE,  # idle_session_timeout
    "58030": UNAVAILABLE,  # io_error
}
BUGS = ("22012", "23505", "25P02", "42P01", "54000", "XX000", "XX001")
NEW = {"title": "New", "genre": "jazz", "duration": 3, "audio_url": "https://example.com/a.mp3"}


@contextmanager
def raising(state: str, table: str = "library_clip") -> Iterator[None]:
    """Let every change of a clip, or of another table, fail with a state."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION 'failed on purpose' USING ERRCODE = '{state}'; END $$"
        )
        cursor.execute(
            f"CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION fail()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION fail CASCADE")


def raised(state: str) -> tuple[Error, psycopg.Error]:
    """Return the exceptions of Django and of psycopg for an error with this state."""
    statement = f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$"
    with pytest.raises(Error) as of_django, connection.cursor() as cursor:
        cursor.execute(statement)
    cause = of_django.value.__cause__
    assert isinstance(cause, psycopg.Error)
    assert cause.sqlstate == state
    return of_django.value, cause


@pytest.mark.parametrize(("state", "code"), STATES.items())
def test_state_has_an_answer(transactional_db: None, state: str, code: str) -> None:
    for error in raised(state):
        answer = api_error(error)
        assert (answer.status_code, answer.get_codes()) == (503, code)
        assert isinstance(answer, errors.Unavailable)
        assert answer.wait > 0


@pytest.mark.parametrize("state", BUGS)
def test_other_states_are_errors_of_the_service(transactional_db: None, state: str) -> None:
    assert {type(api_error(error)) for error in raised(state)} == {errors.ServerError}


def test_every_row_of_the_table_is_tested() -> None:
    assert {state if state in FAULTS else state[:2] for state in STATES} == set(FAULTS)


@pytest.mark.parametrize(
    "error",
    [OperationalError(), InterfaceError(), psycopg.OperationalError(), psycopg.InterfaceError()],
)
def test_error_of_a_connection_has_no_state(error: Exception) -> None:
    assert isinstance(api_error(error), errors.DatabaseUnavailable)


def test_exceptions_that_are_not_of_the_database_are_no_faults() -> None:
    assert fault_of(None) is None
    assert fault_of(ConnectionResetError()) is None


@pytest.mark.parametrize(("state", "code"), [("25006", READ_ONLY), ("40P01", BUSY)])
def test_writes_through_the_api_are_503(
    transactional_db: None, client: Client, state: str, code: str
) -> None:
    clip, token = sample_clip.make(), bearer(editor())
    path = f"/api/v1/clips/{clip.pk}"
    with raising(state):
        for method, at, body in (
            ("POST", "/api/v1/clips", NEW),
            ("POST", "/api/v1/clips/bulk", [NEW]),
            ("PATCH", path, {"title": "Other"}),
            ("DELETE", path, None),
        ):
            for key in ({}, {"Idempotency-Key": f"{method}{at}"}):
                response = client.generic(
                    method,
                    at,
                    b"" if body is None else json.dumps(body),
                    content_type="application/json",
                    headers=token | key,
                )
                assert (response.status_code, response.json()["code"]) == (503, code), (method, at)
                assert int(response["Retry-After"]) > 0
    assert list(Clip.objects.values_list("title", flat=True)) == [clip.title]


def test_page_of_the_back_office_is_503(transactional_db: None, client: Client) -> None:
    clip = sample_clip.make()
    client.force_login(chief())
    client.raise_request_exception = False
    delete = f"/admin/library/clip/{clip.pk}/delete/"
    with raising("25006"):
        page = client.post(delete, {"post": "yes"})
    assert (page.status_code, page["Retry-After"]) == (503, "10")
    assert "The database accepts no changes at present." in page.text


@pytest.mark.parametrize("state", ["25006", "57P01"])
def test_session_that_cannot_be_saved_has_not_ended(transactional_db: None, state: str) -> None:
    """Django would respond 400: "The request's session was deleted"."""
    session = SessionStore()
    session.create()
    changed = SessionStore(session.session_key)
    changed["a"] = 1
    with raising(state, "django_session"), pytest.raises(DatabaseError) as raised:
        changed.save()
    assert fault_of(raised.value) is not None


def test_use_of_a_session_need_not_be_noted_in_a_read_only_database(
    transactional_db: None,
) -> None:
    session = SessionStore()
    session.create()
    Session.objects.update(expire_date=timezone.now() + timedelta(minutes=30))
    used = SessionStore(session.session_key)
    assert used.get("a") is None
    assert used.modified
    with raising("25006", "django_session"):
        used.save()
    with raising("57P01", "django_session"), pytest.raises(DatabaseError):
        used.save()
