"""What leaves the service by itself: spans to an OpenTelemetry collector, faults to Sentry.

One service reports to real receivers; each test looks at what arrived.
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

from harness.origin import Origin, answer, in_two_parts
from harness.service import ROOT, Server
from library.models import Clip
from tests.support.editors import bearer, editor
from tests.support.log_lines import request_line
from tests.support.receiver import Receiver

pytestmark = pytest.mark.django_db  # else there would be no database for the fixture
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PRIVATE = {  # none of it may be reported
    "Cookie": "sessionid=hidden",
    "User-Agent": "Hidden/1.0",
    "X-Forwarded-For": "203.0.113.7",
    "Referer": "https://hidden.example/",
}


@dataclass
class Reported:
    """What one service reported until it had ended, by the ids of the requests."""

    spans: list[Span] = field(default_factory=list)
    resource: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    raw: bytes = b""
    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    origin: Origin = field(default_factory=Origin)
    token: str = ""  # of the editor who asked
    went_on: int = 0  # when the origin sent the rest of its audio, ns since 1970

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
    """Requests of each kind, and all that was reported of them."""
    collector, sentry = Receiver(), Receiver()
    with django_db_blocker.unblock():
        server = Server(
            tmp_path_factory.mktemp("reports") / "log",
            WEB_CONCURRENCY="1",
            CLIPS_TRUSTED_PROXIES="1",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{collector.address}",
            OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=tests",
            OTEL_BSP_SCHEDULE_DELAY="600000",  # so what arrives was sent at the worker's end
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

    def ask(name: str, path: str, **headers: str) -> requests.Response:
        told = {"X-Request-ID": name, **PRIVATE, **token, **headers}
        answer = requests.get(server.url + path, headers=told, timeout=20)
        reported.lines[name] = request_line(server, name)
        return answer

    with ThreadPoolExecutor() as pool:
        listening = pool.submit(
            ask, "stream", fetched, traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="rojo=1"
        )
        while not origin.requests:
            time.sleep(0.01)
        reported.went_on = time.time_ns()
        go_on.set()
        assert listening.result().content == audio
    ask("untraced", "/api/v1/clips/999999")
    ask("unsampled", "/api/v1/clips/999999", traceparent=f"00-{TRACE}-{PARENT}-00")
    ask("refused", gone)
    ask("root", "/")
    ask("strange", "/", Host="hidden.example")
    requests.get(f"{server.url}/livez", timeout=20)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE library_clip RENAME COLUMN genre TO mood")
        try:
            ask("fault", "/api/v1/clips?search=hidden&genre=hidden")
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


def test_request_has_a_span_by_the_conventions_below_that_of_its_caller(
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


def test_span_of_a_stream_ends_with_its_last_byte(reported: Reported) -> None:
    span = reported.span("stream")
    assert span.start_time_unix_nano < reported.went_on < span.end_time_unix_nano


def test_fetch_and_play_have_spans_below_and_the_origin_is_told_its_own(
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
    told = re.findall(r"^traceparent: (.*)\r$", reported.origin.requests[0], re.MULTILINE)
    assert told == [f"00-{TRACE}-{fetch.span_id.hex()}-01"]


def test_request_without_a_trace_begins_one(reported: Reported) -> None:
    span, line = reported.span("untraced"), reported.lines["untraced"]
    assert span.parent_span_id == b""
    assert line["trace_id"] == span.trace_id.hex() != TRACE
    assert span.status.code == Status.StatusCode.STATUS_CODE_UNSET


def test_error_is_told_by_its_code(reported: Reported) -> None:
    span = reported.span("refused")
    fetch = reported.below(span)["GET"]
    assert facts(span)["error.type"] == "origin_http_error"
    assert facts(fetch)["error.type"] == "origin_http_error"
    assert {span.status.code, fetch.status.code} == {Status.StatusCode.STATUS_CODE_ERROR}


def test_what_the_caller_does_not_sample_and_probes_are_not_sent(reported: Reported) -> None:
    asked = {facts(span).get("clips.request.id") for span in reported.spans} - {None}
    assert asked == {"stream", "untraced", "refused", "root", "strange", "fault"}
    assert reported.lines["unsampled"]["trace_id"] == TRACE


def test_span_s_name_has_the_route_where_there_is_one(reported: Reported) -> None:
    assert (reported.span("root").name, reported.span("strange").name) == ("GET /", "GET")


def test_resource_names_the_service(reported: Reported) -> None:
    assert reported.resource["service.name"] == "clips"
    assert reported.resource["deployment.environment.name"] == "tests"


def test_fault_of_ours_is_sent_to_sentry_and_nothing_else_is(reported: Reported) -> None:
    (event,) = reported.events
    assert event["tags"] == {"request_id": "fault"}
    assert (event["transaction"], event["logger"]) == ("clip-list", "django.request")
    assert event["logentry"] == {"formatted": "Internal Server Error: /api/v1/clips"}
    assert (event["environment"], event["release"]) == ("tests", "clips-service@1.0.0")
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


def test_where_nothing_is_configured_neither_is_imported() -> None:
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
def test_bad_value_stops_start_up_by_its_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ImproperlyConfigured, match=variable) as refused:
        runpy.run_path(str(ROOT / "clips_site/settings.py"))
    assert "hidden" not in str(refused.value)
