"""Limits on guessing passwords, which never lock out users at other addresses."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clips_site import security
from tests.support.editors import bearer, editor
from tests.support.recipes import sample_clip, staff_member

LOGIN = "/admin/login/"
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _limit(settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 2


def log_in(name: str, password: str, address: str = HOME, agent: str = "a browser") -> HttpResponse:
    """Try to log in with a new browser."""
    form = {"username": name, "password": password}
    response = Client().post(LOGIN, form, REMOTE_ADDR=address, headers={"User-Agent": agent})
    assert isinstance(response, HttpResponse)
    return response


def opens(name: str, password: str, address: str = HOME) -> bool:
    return log_in(name, password, address).status_code == HTTPStatus.FOUND


def fail(name: str, times: int, address: str = HOME) -> None:
    for agent in range(times):  # an attacker can change this
        log_in(name, "wrong", address, f"agent {agent}")


def test_wrong_password_shows_one_error() -> None:
    page = log_in("anna", "wrong").text
    assert page.count("errornote") == 1
    assert "Please enter the correct username and password" in page


def pass_time(minutes: int) -> None:
    """Make all failures older, as if the minutes had passed."""
    for attempt in AccessAttempt.objects.all():
        earlier = attempt.attempt_time - timedelta(minutes=minutes)
        AccessAttempt.objects.filter(pk=attempt.pk).update(attempt_time=earlier)


def test_name_is_locked_after_the_last_failure_and_the_page_says_for_how_long() -> None:
    editor()
    fail("editor", 1)
    refused = log_in("editor", "wrong")
    assert refused.status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert 890 < int(refused["Retry-After"]) <= 900
    assert "15 minutes" in refused.text
    assert "no-store" in refused["Cache-Control"]
    pass_time(5)
    refused = log_in("editor", "editor")  # the right one
    assert refused.status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert "10 minutes" in refused.text


def test_attempts_while_locked_do_not_extend_the_lock() -> None:
    editor()
    fail("editor", 2)
    pass_time(14)
    fail("editor", 1)
    pass_time(2)
    assert opens("editor", "editor")


def test_lock_of_a_name_applies_only_to_the_network_of_the_failures() -> None:
    editor()
    editor("colleague")
    fail("editor", 3)
    assert opens("editor", "editor", ELSEWHERE)
    assert opens("colleague", "colleague", HOME)


def test_network_is_locked_after_a_multiple_of_the_failures_under_any_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("library.access.logins.NETWORK_FACTOR", 2)
    editor()
    fail("guess", 2)
    assert opens("editor", "editor")  # this does not reset the failures of the network
    fail("another guess", 2)
    assert log_in("editor", "editor").status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert opens("editor", "editor", ELSEWHERE)


def test_ipv6_prefix_of_a_household_is_one_network() -> None:
    editor()
    for last in range(2):
        log_in("editor", "wrong", f"2001:db8::{last}")
    assert not opens("editor", "editor", "2001:db8::ffff")
    assert opens("editor", "editor", "2001:db8:0:1::1")


def test_log_in_resets_only_the_failures_of_its_user() -> None:
    editor()
    fail("another", 1)
    fail("editor", 1)
    assert opens("editor", "editor")
    assert set(AccessAttempt.objects.values_list("username", flat=True)) == {"another"}


def test_records_of_log_ins_are_deleted_after_the_set_number_of_days(settings: Any) -> None:
    editor()
    settings.CLIPS_LOGIN_LOG_DAYS = 7
    assert opens("editor", "editor")
    fail("editor", 1)
    for log in (AccessLog, AccessFailureLog):
        log.objects.update(attempt_time=timezone.now() - timedelta(days=8))
    Session.objects.update(expire_date=timezone.now() - timedelta(days=1))
    assert opens("editor", "editor")
    assert AccessLog.objects.count() == 1
    assert not AccessFailureLog.objects.exists()
    assert Session.objects.count() == 1


def test_only_the_latest_failures_of_a_name_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("library.access.logins.MAX_FAILURES_PER_NAME", 1)
    fail("other", 1)
    fail("editor", 3)
    kept = AccessFailureLog.objects.order_by("id").values_list("username", "user_agent")
    assert list(kept) == [
        ("other", "agent 0"),
        ("editor", "agent 1"),
    ]  # the second one caused the lock


def test_passwords_are_not_stored() -> None:
    fail("editor", 1)
    kept = str(list(AccessAttempt.objects.values())) + str(list(AccessFailureLog.objects.values()))
    assert "wrong" not in kept
    assert "editor" in kept


def test_administrator_unlocks_a_log_in_and_the_audit_log_has_no_address(
    admin_client: Client,
) -> None:
    user = editor()
    fail("editor", 2)
    page = admin_client.get("/admin/axes/accessattempt/").text
    assert "locked" in page
    chosen = list(AccessAttempt.objects.values_list("pk", flat=True))
    form = {"action": "unlock", "_selected_action": chosen}
    admin_client.post("/admin/axes/accessattempt/", form)
    assert opens("editor", "editor")
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (str(user.pk), "Unlocked the log-in.")
    assert HOME not in entry.change_message


def test_records_are_read_only_and_only_for_superusers(
    admin_client: Client, client: Client
) -> None:
    fail("editor", 1)
    client.force_login(editor())
    for log in (AccessLog, AccessFailureLog, AccessAttempt):
        page = log.__name__.lower()
        record = log.objects.earliest("pk").pk
        assert admin_client.get(f"/admin/axes/{page}/").status_code == HTTPStatus.OK
        seen = admin_client.get(f"/admin/axes/{page}/{record}/change/")
        assert seen.status_code == HTTPStatus.OK
        assert admin_client.get(f"/admin/axes/{page}/add/").status_code == HTTPStatus.FORBIDDEN
        assert client.get(f"/admin/axes/{page}/").status_code == HTTPStatus.FORBIDDEN


def test_old_password_hash_is_upgraded_at_log_in(settings: Any) -> None:
    settings.PASSWORD_HASHERS = security.PASSWORD_HASHERS
    old = PBKDF2PasswordHasher().encode("editor", "salt", iterations=1)
    staff_member.make(password=old)
    assert opens("editor", "editor")
    assert User.objects.get().password.startswith("scrypt$16384$")


def test_request_with_a_token_queries_no_log_in_records(client: Client) -> None:
    clip = sample_clip.make()
    headers: Any = bearer(editor())
    with CaptureQueriesContext(connection) as queries:
        response = client.patch(
            f"/api/v1/clips/{clip.pk}", {}, content_type="application/json", headers=headers
        )
    assert response.status_code == HTTPStatus.OK
    assert [query["sql"] for query in queries if "axes" in query["sql"]] == []
