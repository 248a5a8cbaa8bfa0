"""Every error below /api/ is JSON and has the request's id."""

import json
import re
import socket
from collections.abc import Callable
from http.client import HTTPResponse
from typing import Any

import pytest
import requests
from django.db import connection

from harness.service import Server
from library.models import Clip
from tests.support.field_errors import faulty
from tests.support.log_lines import lines_of

Http = Callable[..., requests.Response]
NEW = {"title": "New", "genre": "jazz", "duration": 3, "audio_url": "https://example.com/a.mp3"}
CLIPS = "/api/v1/clips"


def raw(server: Server, request: bytes) -> tuple[int, dict[str, str], Any]:
    """Send these bytes; return status, headers (names in lower case) and JSON of the response."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(request)
        with client.makefile("rb") as answer:
            status = int(answer.readline().split()[1])
            fields = iter(lambda: answer.readline().decode().strip(), "")
            header = {name.lower(): value for name, value in (f.split(": ", 1) for f in fields)}
            return status, header, json.loads(answer.read(int(header["content-length"])))


def post(body: bytes) -> dict[str, Any]:
    return {"data": body, "headers": {"Content-Type": "application/json"}}


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"title": ' * 50_000 + b"1" + b"}" * 50_000,
        b'{"duration": ' + b"9" * 10_000 + b"}",
        b'{"title": "\xff"}',
        b"{'title': 1}",
        b"\x00",
        b'{"duration": Infinity}',
    ],
)
def test_invalid_json_is_400(http: Http, body: bytes) -> None:
    answer = http("POST", CLIPS, **post(body))
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


def test_invalid_json_is_reported_with_its_position(http: Http) -> None:
    answer = http("POST", CLIPS, **post(b'{"title": "a",\n "genre": }'))
    assert answer.json()["detail"] == "The request body is not valid JSON. See line 2, column 11."


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "a\\u0000b"),
        ("genre", {"a": ["b"]}),
        ("audio_url", "https://example.com/\\u0000"),
        ("audio_url", "https://[::1"),
    ],
)
def test_value_that_the_database_cannot_store_is_400(http: Http, field: str, value: Any) -> None:
    text = json.dumps(value).replace("\\\\", "\\")
    body = json.dumps({**NEW, field: "HERE"}).replace('"HERE"', text)
    answer = http("POST", CLIPS, **post(body.encode()))
    assert (answer.status_code, faulty(answer)) == (400, [field])


@pytest.mark.parametrize("number", ["1e400", "9" * 400])
def test_number_that_is_too_large_is_400(http: Http, number: str) -> None:
    body = json.dumps({**NEW, "duration": "HERE"}).replace('"HERE"', number)
    assert http("POST", CLIPS, **post(body.encode())).status_code == 400


def test_body_of_more_than_two_megabytes_is_413(http: Http) -> None:
    answer = http("POST", CLIPS, **post(b'{"title": "' + b"x" * 2_000_000 + b'"}'))
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
    assert "2000000 bytes" in answer.json()["detail"]


def test_body_in_chunks_is_411(http: Http) -> None:
    answer = http("POST", CLIPS, data=iter([b"{}"]), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("GET", CLIPS, {"Accept": "text/html"}, 406, "not_acceptable"),
        ("POST", CLIPS, {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        ("GET", "/api/%ff%fe", {}, 404, "not_found"),
        ("GET", "/api/%00", {}, 404, "not_found"),
        ("GET", "/api/v2/", {}, 404, "not_found"),
        ("GET", f"{CLIPS}/1/", {"Host": "evil.example"}, 400, "bad_request"),
    ],
)
def test_error_is_json_and_not_cached(
    http: Http, method: str, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = http(method, path, headers=headers, data="x" if method == "POST" else None)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Cache-Control"] == "no-store"


def test_missing_path_of_programs_is_404_in_json(http: Http) -> None:
    paths = (
        *("/api", "/Api", "/API/v1/clips", "/api/v2/clips", "/api/v1x", "/v1/clips"),
        *("//api/v1/clips", "/openapi.yaml", "/openapi", "/livez/x", "/METRICS"),
    )
    for path in paths:
        for headers in ({}, {"Accept": "text/html"}):
            answer = http("GET", path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"),
        ("application/json, text/html;q=0.5", "application/json"),
        ("text/html;q=0, */*", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("*/*", "text/html"),
        ("image/*", "text/html"),
    ],
)
def test_other_missing_page_is_in_json_for_clients_that_prefer_it(
    http: Http, accept: str, kind: str
) -> None:
    answer = http("GET", "/apiary", headers={"Accept": accept})
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith(kind)


def test_other_method_on_a_page_is_405_in_json(http: Http) -> None:
    for path in ("/", "/docs", "/redoc", "/docs/plays", "/openapi.json", "/openapi-lean.json"):
        for method in ("PUT", "POST", "DELETE", "PROPFIND"):
            answer = http(method, path, data="x", headers={"Content-Type": "text/plain"})
            found = (answer.status_code, answer.headers["Content-Type"], answer.json()["code"])
            assert found == (405, "application/json", "method_not_allowed"), (method, path)
            assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("path", [CLIPS, f"{CLIPS}/1", f"{CLIPS}/bulk", f"{CLIPS}/1/stats"])
def test_options_names_methods_and_documentation_only(http: Http, path: str) -> None:
    answer = http("OPTIONS", path)
    assert (answer.status_code, set(answer.json())) == (200, {"methods", "documentation"})
    assert answer.json()["documentation"].endswith("/docs")
    assert "OPTIONS" in answer.json()["methods"]


def test_type_with_quality_0_is_406(http: Http) -> None:
    for path in (CLIPS, "/api/v1/stats", "/openapi.json"):
        for accept in (
            "application/*;q=0",
            "*/*;q=0",
            "application/json;q=0, text/html",
            "a/b;q=0",
        ):
            answer = http("GET", path, headers={"Accept": accept})
            assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable"), accept


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (CLIPS, {"GET", "POST", "HEAD", "OPTIONS"}),
        (f"{CLIPS}/1", {"GET", "PATCH", "DELETE", "HEAD", "OPTIONS"}),
        (f"{CLIPS}/bulk", {"POST", "OPTIONS"}),
    ],
)
def test_405_lists_the_allowed_methods(http: Http, path: str, allowed: set[str]) -> None:
    answer = http("PUT", path)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == allowed


def test_options_of_statistics_works_with_csv(http: Http) -> None:
    assert http("OPTIONS", "/api/v1/stats?format=csv").status_code == 200


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /api/v1/clips HTTP/9.9\r\n\r\n", 505),
        (b"BREW /api/v1/clips HTTP/1.1\r\n\r\n", 501),
        (b"GET /api/v1/clips HTTP/1.1\r\nbad header\r\n\r\n", 400),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
    ],
)
def test_errors_of_gunicorn_are_json(server: Server, request_bytes: bytes, status: int) -> None:
    answered, header, body = raw(server, request_bytes)
    assert (answered, header["content-type"]) == (status, "application/json")
    assert set(body) == {"detail", "code"}
    assert len(header["x-request-id"]) == 32


def test_unexpected_exception_is_500_in_json_and_logged_with_the_request_id(
    server: Server, http: Http, clip: Clip
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE library_clip RENAME COLUMN genre TO mood")
    try:
        answer = http("GET", CLIPS, headers={"X-Request-ID": "trace:7-a.b"})
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE library_clip RENAME COLUMN mood TO genre")
    lines = lines_of(server, "trace:7-a.b")
    # The pool may also log that another test broke its connection.
    fault, request = [line for line in lines if line["logger"] != "psycopg.pool"]
    assert (answer.status_code, answer.json()["code"]) == (500, "server_error")
    assert "genre" not in answer.text
    assert (fault["logger"], fault["level"]) == ("django.request", "error")
    assert "UndefinedColumn" in fault["exception"]
    assert (request["path"], request["status"]) == (CLIPS, 500)


@pytest.mark.parametrize("path", [CLIPS, "/", "/livez", "/static/none", "/api/none", "/admin/"])
def test_response_has_the_request_id_of_the_request(http: Http, path: str) -> None:
    answer = http("GET", path, headers={"X-Request-ID": "a" * 64})
    assert answer.headers["X-Request-ID"] == "a" * 64


@pytest.mark.parametrize("given", [None, "", "a" * 65, "two words", "{}", "\xe9"])
def test_missing_or_invalid_request_id_is_replaced(http: Http, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-ID": given.encode("latin-1")}
    answer = http("GET", "/livez", headers=headers)
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])


def test_stream_has_the_request_id(http: Http, clip: Clip) -> None:
    answer = http("GET", f"{CLIPS}/{clip.pk}/stream", headers={"X-Request-ID": "me"})
    assert answer.headers["X-Request-ID"] == "me"


@pytest.mark.parametrize("path", ["/admin/login/", "/admin/library/clip/add/", "/api/v1/clips"])
def test_huge_body_is_413_before_it_is_read(server: Server, path: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 25000000\r\n"
        client.sendall(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n".encode())
        answer = HTTPResponse(client)
        answer.begin()  # none of the body has been sent
        error = json.load(answer)
    assert (answer.status, error["code"]) == (413, "payload_too_large")
