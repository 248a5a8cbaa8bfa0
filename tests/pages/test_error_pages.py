"""HTML error pages; errors of the API are JSON (tests/api/test_errors.py)."""

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
    assert (page.status_code, page["Cache-Control"]) == (404, "no-store")
    assert "There is no page at this address." in page.text
    assert 'href="/admin/"' in page.text
    assert "pages/player" not in page.text


def test_missing_permission_refers_to_an_administrator(client: Client, db: None) -> None:
    client.force_login(member("Analysts"))
    page = client.get("/admin/library/clip/import/")
    assert page.status_code == 403
    assert "An administrator can grant it." in page.text


def test_outdated_form_reports_that_nothing_was_saved(db: None) -> None:
    page = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "a"})
    assert page.status_code == 403
    assert "Nothing was saved." in page.text


def response_to(path: str, error: Exception) -> HttpResponse:
    """Return the response of a view at this path that raised the error."""
    try:
        raise error
    except type(error):
        handler = get_resolver().resolve_error_handler(500)
        response: HttpResponse = handler(RequestFactory().get(path))
        return response


def test_server_error_renders_without_database_or_session() -> None:
    page = response_to("/admin/", KeyError())
    assert page.status_code == 500
    assert "This is an error in the service" in page.text


def test_unavailable_database_suggests_to_try_again() -> None:
    page = response_to("/admin/", OperationalError())
    assert (page.status_code, page["Retry-After"]) == (503, "10")
    assert "The database is not responding. Try again shortly." in page.text


def test_api_paths_never_get_html_errors() -> None:
    for error, status, code in (
        (KeyError(), 500, "server_error"),
        (OperationalError(), 503, "database_unavailable"),
    ):
        response = response_to("/api/v1/clips", error)
        assert (response.status_code, json.loads(response.content)["code"]) == (status, code)
