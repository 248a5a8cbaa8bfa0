"""Error pages for people. The API answers in JSON (tests/api/test_errors.py)."""

import json

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import get_resolver

from tests.support.editors import member

pytestmark = pytest.mark.usefixtures("static_files")


def test_missing_page_links_to_the_back_office(admin_client: Client) -> None:
    page = admin_client.get("/admin/nothing/")
    assert page.status_code == 404
    assert "There is nothing at this address." in page.text
    assert 'href="/admin/"' in page.text


def test_forbidden_page_says_who_can_grant_the_permission(client: Client, db: None) -> None:
    client.force_login(member("Analysts"))
    page = client.get("/admin/library/clip/import/")
    assert page.status_code == 403
    assert "An administrator can change that." in page.text


def test_expired_form_says_that_nothing_was_saved(db: None) -> None:
    page = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "a"})
    assert page.status_code == 403
    assert "Nothing was saved." in page.text


def response_to(path: str, error: Exception) -> HttpResponse:
    """Return the response of a path whose view raises the error."""
    try:
        raise error
    except type(error):
        handler = get_resolver().resolve_error_handler(500)
        response: HttpResponse = handler(RequestFactory().get(path))
        return response


def test_server_error_page_needs_no_database() -> None:
    page = response_to("/admin/", KeyError())
    assert page.status_code == 500
    assert "The fault is ours" in page.text


def test_page_without_the_database_says_when_to_try_again() -> None:
    page = response_to("/admin/", OperationalError())
    assert (page.status_code, page["Retry-After"]) == (503, "10")
    assert "Try again in some seconds." in page.text


def test_errors_of_the_api_are_json() -> None:
    for error, status, code in (
        (KeyError(), 500, "server_error"),
        (OperationalError(), 503, "database_unavailable"),
    ):
        response = response_to("/api/v1/clips", error)
        assert (response.status_code, json.loads(response.content)["code"]) == (status, code)
