"""The log: one line per request, one format for all lines, and no addresses."""

import json
import logging
import re
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests
from django.core.exceptions import PermissionDenied
from django.db import OperationalError

from clips_site.server.logs import request_ids
from clips_site.server.logs.access_lines import AccessLog
from clips_site.server.logs.formatting import UnexpectedErrors, line_formatter, log_uncaught
from harness.origin import Origin, in_two_parts
from harness.service import Server
from harness.waiting import until
from library.models import Clip
from tests.support.log_lines import lines, lines_of, request_line

Fetch = Callable[..., requests.Response]
STAMP = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def named(name: str, **headers: str) -> dict[str, Any]:
    return {"headers": {"X-Request-ID": name, **headers}}


def test_line_of_a_stream_has_its_bytes_and_whether_it_was_a_play(
    server: Server, http: Fetch, clip: Clip, mp3: bytes
) -> None:
    http("GET", f"/api/v1/clips/{clip.pk}/stream?token=secret", **named("whole"))
    line = request_line(server, "whole")
    assert re.fullmatch(STAMP, line.pop("timestamp"))
    assert 0 < line.pop("first_byte") < line.pop("duration")
    assert line == {
        "level": "info",
        "logger": "clips_site.access",
        "event": "request",
        "request_id": "whole",
        "method": "GET",
        "path": f"/api/v1/clips/{clip.pk}/stream",
        "status": 200,
        "route": "clip-stream",
        "clip": clip.pk,
        "outcome": "completed",
        "play": True,
        "bytes": len(mp3),
    }


def test_line_of_a_partial_stream_says_that_it_was_no_play(
    server: Server, http: Fetch, clip: Clip
) -> None:
    http("GET", f"/api/v1/clips/{clip.pk}/stream", **named("part", Range="bytes=500-599"))
    line = request_line(server, "part")
    assert (line["status"], line["play"], line["bytes"]) == (206, False, 100)


def test_line_of_an_aborted_stream_has_its_bytes_and_outcome(
    server: Server, big_clip: Clip, mp3: bytes
) -> None:
    url = f"{server.url}/api/v1/clips/{big_clip.pk}/stream"
    with requests.get(url, stream=True, timeout=20, **named("left")) as answer:
        next(answer.iter_content(1))
    line = request_line(server, "left")
    assert (line["status"], line["outcome"]) == (200, "client_closed")
    assert 0 < line["bytes"] < 40 * len(mp3)


def test_outcome_is_error_if_the_origin_breaks_off(
    server: Server, make_clip: Callable[..., Clip], origin: Origin, mp3: bytes
) -> None:
    go_on = threading.Event()
    clip = make_clip(audio_url=origin.on("/a", in_two_parts(mp3, 50_000, go_on, whole=False)))
    url = f"{server.url}/api/v1/clips/{clip.pk}/stream"
    with requests.get(url, stream=True, timeout=20, **named("broken")) as answer:
        go_on.set()
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            answer.content  # noqa: B018
    line = request_line(server, "broken")
    assert (line["status"], line["outcome"]) == (200, "error")
    assert 0 < line["bytes"] <= 50_000


def test_line_of_a_failed_stream_shares_its_request_id_with_the_cause(
    server: Server, http: Fetch, make_clip: Callable[..., Clip], origin: Origin
) -> None:
    clip = make_clip(audio_url=origin.url("/gone"))
    http("GET", f"/api/v1/clips/{clip.pk}/stream", **named("refused"))
    (request,) = [line for line in lines_of(server, "refused") if line["event"] == "request"]
    # The thread of the download may write its line after the response.
    until(lambda: len(lines_of(server, "refused")) == 2)
    (cause,) = [line for line in lines_of(server, "refused") if line["event"] != "request"]
    assert (request["status"], request["code"]) == (502, "origin_http_error")
    assert (request["level"], request["bytes"] > 0, "play" in request) == ("warning", True, False)
    assert cause["event"] == "Clip audio not fetched from 127.0.0.1: origin_http_error"
    assert (cause["origin"], cause["code"]) == ("127.0.0.1", "origin_http_error")
    assert cause["logger"] == "library.audio.download"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v1/clips/999999", {"status": 404, "code": "not_found", "clip": 999999}),
        ("GET", "/api/v1/clips?limit=x", {"status": 400, "route": "clip-list"}),
        ("HEAD", "/api/v1/clips", {"status": 200, "bytes": 0}),
        ("GET", "/static/library/icon.svg", {"status": 200, "bytes": 1}),
        ("GET", "/a%0A%1B%22", {"status": 404, "path": "/a%0A%1B%22"}),
    ],
)
def test_line_of_any_request(
    server: Server, http: Fetch, method: str, path: str, expected: dict[str, Any]
) -> None:
    name = f"any:{method}:{expected['status']}:{len(path)}"
    answer = http(method, path, **named(name))
    if expected.get("bytes"):
        expected = {**expected, "bytes": len(answer.content)}
    line = request_line(server, name)
    assert {key: line.get(key) for key in expected} == expected


def test_probes_are_not_logged(server: Server, http: Fetch) -> None:
    for path in ("/livez", "/readyz", "/metrics"):
        http("GET", path, **named("probe"))
    http("GET", "/", **named("after-the-probes"))
    request_line(server, "after-the-probes")
    requests_logged = [line for line in lines(server) if line["event"] == "request"]
    assert [line for line in requests_logged if line["request_id"] == "probe"] == []


def test_no_line_contains_an_address_a_user_agent_or_a_query(
    start_server: Callable[..., Server], clip: Clip
) -> None:
    server = start_server(CLIPS_LOG_LEVEL="DEBUG", CLIPS_TRUSTED_PROXIES="1", WEB_CONCURRENCY="1")
    head = b"Host: localhost\r\nX-Forwarded-For: 203.0.113.7\r\nUser-Agent: Hidden/1\r\n"
    for request in (
        b"GET /api/v1/clips?search=hidden HTTP/1.1\r\n" + head,
        b"GET /api/v1/clips/%d/stream?hidden HTTP/1.1\r\n" % clip.pk + head,
        b"GET /?hidden HTTP/1.1\r\nHost: evil.example\r\n" + head,
        b"GET /?hidden HTTP/1.1\r\nX-Forwarded-For 203.0.113.7: hidden\r\n",
        b"GET /?hidden 203.0.113.7\r\n",
        b"GET /livez HTTP/1.1\r\n" + head,
    ):
        with socket.create_connection(
            ("127.0.0.1", server.port), timeout=20, source_address=("127.0.0.77", 0)
        ) as client:
            client.sendall(request + b"Connection: close\r\n\r\n")
            while client.recv(65536):
                pass
    server.terminate()
    server.wait()
    log = server.log.read_text()
    paths = [line["path"] for line in lines(server) if line["event"] == "request"]
    assert paths.count("/livez") >= 1, "at this level, probes have lines too"
    assert len([path for path in paths if path.endswith("stream")]) == 1
    assert not re.search(r"203\.0\.113|127\.0\.0\.77|[Hh]idden", log)


def test_console_format_without_access_lines(
    start_server: Callable[..., Server], clip: Clip
) -> None:
    server = start_server(CLIPS_LOG_FORMAT="console", CLIPS_ACCESS_LOG="off", WEB_CONCURRENCY="1")
    requests.get(f"{server.url}/api/v1/clips/{clip.pk}", timeout=20)
    server.stop()
    log = server.log.read_text()
    assert re.search(
        rf"^{STAMP} \[info +\] Starting gunicorn [\d.]+ +\[gunicorn.error\]$", log, re.M
    )
    assert "/api/v1/clips/" not in log.replace("/api/v1/clips ", "")


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/", 200, r"\[info +\] 200 GET / +request_id=named clip=1"),
        ("/\x1b[2J", 503, r"\[warning +\] 503 GET /\\x1b\[2J +request_id=named clip=1"),
    ],
)
def test_console_line_of_a_request_starts_with_status_method_and_path(
    capsys: pytest.CaptureFixture[str], path: str, status: int, text: str
) -> None:
    request_ids.begin("named")
    facts = {"method": "GET", "path": path, "status": status, "clip": 1}
    AccessLog("console", logging.INFO).write(facts)
    assert re.fullmatch(rf"{STAMP} {text}\n", capsys.readouterr().err)


def record(message: str, **fields: Any) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"name": "library.x", "msg": message, "levelno": 30, "levelname": "WARNING", **fields}
    )


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize(
    "hostile",
    ["a\n2026-01-01T00:00:00.000Z [info] b", "\x1b[2J", "\x9b2J", "\r", "\u2028", "\ud800"],
)
def test_text_cannot_forge_a_line_or_control_a_terminal(style: str, hostile: str) -> None:
    line = line_formatter(style).format(record(hostile, title=hostile))
    assert re.fullmatch(r"[\x20-\x7e]+", line)
    if style == "json":
        fields = json.loads(line)
        assert (fields["event"], fields["title"]) == (hostile, hostile)


def test_exception_is_one_line_in_json_and_indented_on_a_console() -> None:
    try:
        raise ValueError("odd\n2026-01-01T00:00:00.000Z [info] forged")
    except ValueError:
        failed = record("Failed", exc_info=sys.exc_info())
    fields = json.loads(line_formatter("json").format(failed))
    assert fields["exception"].startswith("Traceback (most recent call last):\n  File ")
    first, *others = line_formatter("console").format(failed).splitlines()
    assert re.fullmatch(rf"{STAMP} \[warning +\] Failed +\[library\.x\].*", first)
    assert all(line.startswith("    ") for line in others)


def test_extra_fields_of_packages_are_left_out() -> None:
    fields = {"request": "<GET /?token=hidden>", "params": ("hidden",)}
    foreign = record("Slow query", **fields)
    foreign.name = "django.db.backends"
    assert "hidden" not in line_formatter("json").format(foreign)


@pytest.fixture
def uncaught_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (threading, sys):
        monkeypatch.setattr(module, "excepthook", module.excepthook)  # to be restored
    log_uncaught()


def test_exception_that_ends_a_thread_or_the_process_is_logged(
    uncaught_logged: None, caplog: pytest.LogCaptureFixture
) -> None:
    ending = threading.Thread(target=lambda: 1 / 0, name="endings")
    ending.start()
    ending.join()
    sys.excepthook(ValueError, ValueError("odd"), None)
    thread, process = caplog.records
    assert (thread.levelname, thread.getMessage()) == (
        "ERROR",
        "An exception ended the thread endings",
    )
    assert (process.levelname, process.getMessage()) == (
        "CRITICAL",
        "An exception ended the process",
    )
    assert all(record.exc_info for record in caplog.records)


def test_ctrl_c_is_not_logged_as_an_error(
    uncaught_logged: None, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert (caplog.records, capsys.readouterr().err) == ([], "KeyboardInterrupt\n")


@pytest.mark.parametrize(
    ("level", "error", "kept"),
    [
        (logging.ERROR, KeyError(), True),
        (logging.ERROR, OperationalError(), False),
        (logging.WARNING, PermissionDenied(), False),
        (logging.ERROR, None, False),
    ],
)
def test_only_unexpected_errors_have_a_line_besides_that_of_the_request(
    level: int, error: Exception | None, kept: bool
) -> None:
    exc_info = (type(error), error, None) if error else None
    record = logging.LogRecord("django.request", level, "", 1, "Failed", None, exc_info)
    assert UnexpectedErrors().filter(record) is kept
