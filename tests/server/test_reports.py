"""Reports to other services: spans to an OpenTelemetry collector, errors to Sentry.

One service reports to real receivers. Each test checks what arrived.
"""

import json
import re
import runpy
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pytest
import requests
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from clips_site import __version__
from harness.origin import Origin, answer, in_two_parts
from harness.service import ROOT, Server
from library.models import Clip
from tests.support.editors import bearer, editor
from tests.support.log_lines import request_line
from tests.support.receiver import Receiver

pytestmark = pytest.mark.django_db  # the fixture needs the database
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PRIVATE = {  # must not be reported
    "Cookie": "sessionid=hidden",
    "User-Agent": "Hidden/1.0",
    "X-Forwarded-For": "203.0.113.7",
    "Referer": "https://hidden.example/",
}


@dataclass
class Reported:
    """Everything that one service reported until it ended."""

    spans: list[Span] = field(default_factory=list)
    resource: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    raw: bytes = b""
    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    origin: Origin = field(default_factory=Origin)
    authorizations: set[str | None] = field(default_factory=set)  # received by the collector
    token: str = ""  # of the editor who sent the requests
    resumed: int = 0  # when the origin sent the rest of its audio, in ns since 1970

    def span(self, request_id: str) -> Span:
        (found,) = [s for s in self.spans if facts(s).get("clips.request.id") == request_id]
        return found

    def below(self, span: Span) -> dict[str, Span]:
        return {s.name: s for s in self.spans if s.parent_span_id == span.span_id}


def facts(span: Any) -> dict[str, Any]:
    """The attributes of a span or resource."""
    values = {pair.key: pair.value for pair in span.attributes}
    return {key: getattr(value, value.WhichOneof("value")) for key, value in values.items()}


@pytest.fixture(scope="module")
def reported(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reported]:
    """Send requests of each kind, and return all reports of them."""
    collector, sentry = Receiver(), Receiver()
    secret = tmp_path_factory.mktemp("secrets") / "headers"
    secret.write_text("authorization=Bearer%20collector\n")
    with django_db_blocker.unblock():
        server = Server(
            tmp_path_factory.mktemp("reports") / "log",
            WEB_CONCURRENCY="1",
            CLIPS_TRUSTED_PROXIES="1",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{collector.address}",
            OTEL_EXPORTER_OTLP_HEADERS_FILE=str(secret),
            OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=tests",
            OTEL_BSP_SCHEDULE_DELAY="600000",  # so the worker sends all spans when it ends
            SENTRY_DSN=f"http://key@{sentry.address}/1",
            SENTRY_ENVIRONMENT="tests",
        )
        reported = Reported()
        try:
            make_requests(server, reported)
            server.terminate()
            assert server.wait() == 0
        finally:
            server.stop()
            call_command("flush", interactive=False, verbosity=0)
    reported.authorizations = collector.authorizations
    for receiver in (collector, sentry):
        while not receiver.received.empty():
            path, body = receiver.received.get()
            reported.raw += body
            if path == "/v1/traces":
                keep_spans(reported, body)
            else:
                assert path == "/api/1/envelope/"
                keep_events(reported, body)
        receiver.close()
    yield reported
    reported.origin.close()


def make_requests(server: Server, reported: Reported) -> None:
    origin, go_on = reported.origin, Event()
    audio = (ROOT / "fixtures/audio/ambient-sounds.mp3").read_bytes()
    origin.on("/slow", in_two_parts(audio, 50_000, go_on))
    origin.on("/gone", answer(b"", "404 Not Found"))
    stream = "/api/v1/clips/{}/stream?token=hidden"
    fetched, gone = (
        stream.format(
            Clip.objects.create(
                title="a", genre="b", duration=1, audio_url=f"http://localhost:{origin.port}{path}"
            ).pk
        )
        for path in ("/slow", "/gone")
    )

    token = bearer(editor("hidden editor"))
    reported.token = token["Authorization"].removeprefix("Bearer ")

    def fetch(name: str, path: str, **headers: str) -> requests.Response:
        headers = {"X-Request-ID": name, **PRIVATE, **token, **headers}
        answer = requests.get(server.url + path, headers=headers, timeout=20)
        reported.lines[name] = request_line(server, name)
        return answer

    with ThreadPoolExecutor() as pool:
        listening = pool.submit(
            fetch, "stream", fetched, traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="rojo=1"
        )
        while not origin.requests:
            time.sleep(0.01)
        reported.resumed = time.time_ns()
        go_on.set()
        assert listening.result().content == audio
    fetch("untraced", "/api/v1/clips/999999")
    fetch("unsampled", "/api/v1/clips/999999", traceparent=f"00-{TRACE}-{PARENT}-00")
    fetch("refused", gone)
    fetch("root", "/")
    fetch("strange", "/", Host="hidden.example")
    requests.get(f"{server.url}/livez", timeout=20)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE library_clip RENAME COLUMN genre TO mood")
        try:
            fetch("fault", "/api/v1/clips?search=hidden&genre=hidden")
        finally:
            cursor.execute("ALTER TABLE library_clip RENAME COLUMN mood TO genre")


def keep_spans(reported: Reported, body: bytes) -> None:
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        reported.resource = facts(group.resource)
        for scope in group.scope_spans:
            reported.spans += scope.spans


def keep_events(reported: Reported, body: bytes) -> None:
    header, *rest = body.splitlines()
    assert "event_id" in json.loads(header)
    for kind, item in zip(rest[::2], rest[1::2], strict=True):
        assert json.loads(kind)["type"] == "event"
        reported.events.append(json.loads(item))


def test_span_of_a_request_follows_the_conventions_and_continues_the_trace(
    reported: Reported,
) -> None:
    span, line = reported.span("stream"), reported.lines["stream"]
    assert (span.name, span.kind) == (
        "GET /api/v1/clips/{pk}/stream",
        Span.SpanKind.SPAN_KIND_SERVER,
    )
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    assert (line["trace_id"], line["span_id"]) == (TRACE, span.span_id.hex())
    assert span.trace_state == "rojo=1"
    assert facts(span) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.response.body.size": line["bytes"],
        "http.route": "/api/v1/clips/{pk}/stream",
        "url.path": line["path"],
        "url.scheme": "http",
        "clips.request.id": "stream",
        "clips.clip.id": line["clip"],
        "clips.stream.outcome": "completed",
        "clips.stream.play": True,
    }


def test_collector_receives_the_headers_in_a_file(reported: Reported) -> None:
    assert reported.authorizations == {"Bearer collector"}


def test_span_of_a_stream_ends_with_its_last_byte(reported: Reported) -> None:
    span = reported.span("stream")
    assert span.start_time_unix_nano < reported.resumed < span.end_time_unix_nano


def test_fetch_and_play_have_child_spans_and_the_origin_gets_the_traceparent(
    reported: Reported,
) -> None:
    below = reported.below(reported.span("stream"))
    fetch, play = below["GET"], below["record play"]
    assert fetch.kind == Span.SpanKind.SPAN_KIND_CLIENT
    assert facts(fetch) == {
        "http.request.method": "GET",
        "server.address": "localhost",
        "http.response.status_code": 200,
    }
    assert facts(play) == {"clips.play.kind": "plain"}
    sent = re.findall(r"^traceparent: (.*)\r$", reported.origin.requests[0], re.MULTILINE)
    assert sent == [f"00-{TRACE}-{fetch.span_id.hex()}-01"]


def test_request_without_a_trace_starts_one(reported: Reported) -> None:
    span, line = reported.span("untraced"), reported.lines["untraced"]
    assert span.parent_span_id == b""
    assert line["trace_id"] == span.trace_id.hex() != TRACE
    assert span.status.code == Status.StatusCode.STATUS_CODE_UNSET


def test_span_of_an_error_has_its_code(reported: Reported) -> None:
    span = reported.span("refused")
    fetch = reported.below(span)["GET"]
    assert facts(span)["error.type"] == "origin_http_error"
    assert facts(fetch)["error.type"] == "origin_http_error"
    assert {span.status.code, fetch.status.code} == {Status.StatusCode.STATUS_CODE_ERROR}


def test_unsampled_requests_and_probes_have_no_span(reported: Reported) -> None:
    reported_ids = {facts(span).get("clips.request.id") for span in reported.spans} - {None}
    assert reported_ids == {"stream", "untraced", "refused", "root", "strange", "fault"}
    assert reported.lines["unsampled"]["trace_id"] == TRACE


def test_span_is_named_after_the_route_if_there_is_one(reported: Reported) -> None:
    assert (reported.span("root").name, reported.span("strange").name) == ("GET /", "GET")


def test_resource_names_the_service(reported: Reported) -> None:
    assert reported.resource["service.name"] == "clips"
    assert reported.resource["deployment.environment.name"] == "tests"


def test_only_the_unhandled_error_is_sent_to_sentry(reported: Reported) -> None:
    (event,) = reported.events
    assert event["tags"] == {"request_id": "fault"}
    assert (event["transaction"], event["logger"]) == ("clip-list", "django.request")
    assert event["logentry"] == {"formatted": "Internal Server Error: /api/v1/clips"}
    assert (event["environment"], event["release"]) == ("tests", f"clips-service@{__version__}")
    assert event["contexts"]["trace"]["trace_id"] == reported.lines["fault"]["trace_id"]
    kinds = [exception["type"] for exception in event["exception"]["values"]]
    assert kinds == ["UndefinedColumn", "ProgrammingError"]
    frames = event["exception"]["values"][-1]["stacktrace"]["frames"]
    assert "library/api/views.py" in [frame["filename"] for frame in frames]


def test_nothing_private_is_reported(reported: Reported) -> None:
    found = re.findall(rb".{40}(?:[Hh]idden|203\.0\.113|127\.0\.0\.1).{40}", reported.raw)
    assert found == []
    assert reported.token.encode() not in reported.raw
    (event,) = reported.events
    assert not {"user", "request", "extra", "breadcrumbs", "modules"} & set(event)
    frames = event["exception"]["values"][-1]["stacktrace"]["frames"]
    assert not any("vars" in frame for frame in frames)


def test_neither_is_imported_unless_configured() -> None:
    program = (
        "import sys; from clips_site.wsgi import application; import clips_site.server.worker;"
        "from django.test import Client; assert Client().get('/livez').status_code == 200;"
        "print([m for m in sys.modules if m.partition('.')[0] in ('opentelemetry', 'sentry_sdk')])"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CLIPS_LOG_FORMAT", "xml"),
        ("CLIPS_LOG_LEVEL", "LOUD"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        ("SENTRY_DSN", "https://hidden@sentry.example/project"),
        ("SENTRY_SAMPLE_RATE", "2"),
        ("CLIPS_READY_DISK_FREE_BYTES", "-1"),
        ("CLIPS_READY_IGNORE", "database"),
    ],
)
def test_invalid_value_stops_start_up_and_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ImproperlyConfigured, match=variable) as refused:
        runpy.run_path(str(ROOT / "clips_site/settings.py"))
    assert "hidden" not in str(refused.value)
