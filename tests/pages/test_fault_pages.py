"""Pages that say what went wrong, to people: the API's answers are JSON (test_errors)."""

import json

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import get_resolver

from tests.support.editors import member

pytestmark = pytest.mark.usefixtures("static_files")


def test_missing_page_leads_on(admin_client: Client) -> None:
    page = admin_client.get("/admin/nothing/")
    assert page.status_code == 404
    assert "There is nothing at this address." in page.text
    assert 'href="/admin/"' in page.text


def test_who_may_not_is_told_who_can_change_that(client: Client, db: None) -> None:
    client.force_login(member("Analysts"))
    page = client.get("/admin/library/clip/import/")
    assert page.status_code == 403
    assert "An administrator can change that." in page.text


def test_form_that_is_too_old_says_that_nothing_was_saved(db: None) -> None:
    page = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "a"})
    assert page.status_code == 403
    assert "Nothing was saved." in page.text


def answer_to(path: str, error: Exception) -> HttpResponse:
    """What is answered where a view of this path has raised that."""
    try:
        raise error
    except type(error):
        answer: HttpResponse = get_resolver().resolve_error_handler(500)(RequestFactory().get(path))
        return answer


def test_fault_of_ours_is_told_without_asking_for_anything() -> None:
    page = answer_to("/admin/", KeyError())
    assert page.status_code == 500
    assert "The fault is ours" in page.text


def test_page_without_the_database_says_that_it_is_not_for_long() -> None:
    page = answer_to("/admin/", OperationalError())
    assert (page.status_code, page["Retry-After"]) == (503, "10")
    assert "Try again in some seconds." in page.text


def test_path_of_the_api_is_never_answered_by_a_page() -> None:
    for error, status, code in (
        (KeyError(), 500, "server_error"),
        (OperationalError(), 503, "database_unavailable"),
    ):
        answer = answer_to("/api/v1/clips", error)
        assert (answer.status_code, json.loads(answer.content)["code"]) == (status, code)
