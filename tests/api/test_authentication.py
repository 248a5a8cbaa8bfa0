"""Authentication and permissions of writes: tokens and sessions."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
import requests
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from harness.service import Server
from library.models import ApiToken, Clip
from tests.support.editors import bearer, editor

Http = Callable[..., requests.Response]
NEW = {"title": "New", "genre": "jazz", "duration": 3, "audio_url": "https://example.com/a.mp3"}


def api_token(*arguments: str) -> str:
    """Return the output of the command."""
    output = StringIO()
    call_command("api_token", *arguments, stdout=output)
    return output.getvalue().strip()


def path(clip: Clip) -> str:
    return f"/api/v1/clips/{clip.pk}"


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_anonymous_edit_is_401(http: Http, clip: Clip, method: str) -> None:
    answer = http(method, path(clip), json={"title": "B"})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="clips"'


@pytest.mark.parametrize(("method", "permission"), [("PATCH", "delete"), ("DELETE", "change")])
def test_editor_without_the_permission_gets_403(
    http: Http, clip: Clip, method: str, permission: str
) -> None:
    headers = bearer(editor("half", f"{permission}_clip"))
    answer = http(method, path(clip), json={"title": "B"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_token_is_shown_once_and_stored_as_a_hash(transactional_db: None) -> None:
    editor()
    secret = api_token("create", "editor", "importer")
    kept = ApiToken.objects.values().get()
    assert secret.startswith("clips_")
    assert secret not in str(kept)
    assert len(kept["digest"]) == 32


def test_token_records_its_use_and_fails_once_revoked(http: Http, clip: Clip) -> None:
    editor()
    headers = {"Authorization": f"Bearer {api_token('create', 'editor', 'importer')}"}
    assert "never used" in api_token("list")
    assert http("PATCH", path(clip), json={}, headers=headers).status_code == 200
    assert "never used" not in api_token("list")
    api_token("revoke", "editor", "importer")
    answer = http("PATCH", path(clip), json={}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
    assert api_token("list") == ""


def test_token_of_a_deactivated_user_is_401(http: Http, clip: Clip) -> None:
    user = editor()
    headers = bearer(user)
    user.is_active = False
    user.save()
    assert http("DELETE", path(clip), headers=headers).status_code == 401


@pytest.mark.parametrize("call", [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/stats")])
@pytest.mark.parametrize("is_superuser", [False, True])
def test_token_and_session_of_a_user_without_staff_status_are_401(
    http: Http, clip: Clip, call: tuple[str, str], is_superuser: bool
) -> None:
    user = editor()
    headers = bearer(user)
    session = Client()
    session.force_login(user)
    user.is_staff, user.is_superuser = False, is_superuser
    user.save()
    method, below = call
    answer = http(method, path(clip) + below, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
    if method != "GET":
        assert session.generic(method, path(clip), "{}", "application/json").status_code == 401
    assert api_token("list") == ""


@pytest.mark.parametrize("lost", ["is_staff", "is_active"])
def test_no_token_is_issued_to_a_user_who_cannot_use_it(transactional_db: None, lost: str) -> None:
    user = editor()
    setattr(user, lost, False)
    user.save()
    with pytest.raises(CommandError, match="staff status"):
        api_token("create", "editor", "importer")


def test_user_can_have_several_tokens_with_different_names(transactional_db: None) -> None:
    editor()
    api_token("create", "editor", "one")
    api_token("create", "editor", "two")
    with pytest.raises(CommandError, match="revoke it first"):
        api_token("create", "editor", "one")
    assert ApiToken.objects.count() == 2


@pytest.mark.parametrize("arguments", [("create", "nobody", "a"), ("revoke", "nobody", "a")])
def test_command_reports_a_missing_user_or_token(
    transactional_db: None, arguments: tuple[str, ...]
) -> None:
    with pytest.raises(CommandError, match="nobody"):
        api_token(*arguments)


def test_invalid_token_is_401_even_if_anyone_may_write(http: Http) -> None:
    answer = http("POST", "/api/v1/clips", json=NEW, headers={"Authorization": "Bearer wrong"})
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


def test_writes_can_be_restricted_to_editors(start_server: Callable[..., Server]) -> None:
    server = start_server(CLIPS_API_WRITES="authenticated")
    for call, body in (("clips", NEW), ("clips/bulk", [NEW])):
        url = f"{server.url}/api/v1/{call}"
        headers = bearer(editor(call))
        assert requests.post(url, json=body, timeout=20).status_code == 401
        assert requests.post(url, json=body, headers=headers, timeout=20).status_code == 201
    assert requests.get(f"{server.url}/api/v1/clips", timeout=20).status_code == 200


def test_session_of_the_back_office_can_write_with_its_csrf_token(clip: Clip) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(editor())
    body: dict[str, Any] = {"data": {"title": "B"}, "content_type": "application/json"}
    refused = client.patch(path(clip), **body)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    client.get("/admin/login/")
    client.get("/admin/password_change/")  # a form, which sets the cookie as the log-in does
    headers = {"X-CSRFToken": client.cookies["csrftoken"].value}
    assert client.patch(path(clip), headers=headers, **body).status_code == 200


def test_anonymous_requests_need_no_query_for_authentication(
    client: Client, clip: Clip, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        client.get(path(clip))
    # INSERT, the wait for the disk after its commit, and a search for clips with the same URL
    with django_assert_num_queries(3):
        client.post("/api/v1/clips", NEW, content_type="application/json")


def test_reads_of_an_editor_need_no_query_for_authentication(
    client: Client, clip: Clip, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(editor())
    with django_assert_num_queries(1):
        client.get(path(clip))


@pytest.mark.parametrize(("writes", "warned"), [("open", True), ("authenticated", False)])
def test_deployment_check_warns_while_anyone_may_write(
    settings: Any, writes: str, warned: bool
) -> None:
    settings.CLIPS_API_WRITES = writes
    output = StringIO()
    call_command("check", deploy=True, stderr=output)
    assert ("library.W001" in output.getvalue()) == warned


def test_database_error_while_a_token_is_looked_up_is_waited_for_once(
    client: Client, transactional_db: None
) -> None:
    lookups = []

    def fail(execute: Any, sql: str, *arguments: Any) -> Any:
        if "library_apitoken" in sql:
            lookups.append(sql)
            raise OperationalError("silent")
        return execute(sql, *arguments)

    with connection.execute_wrapper(fail):
        answer = client.get("/api/v1/clips", headers={"Authorization": "Bearer clips_x"})
    assert (answer.status_code, len(lookups)) == (503, 1)
