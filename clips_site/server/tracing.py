"""OpenTelemetry traces, sent by OTLP over HTTP; imported only if an endpoint is configured.

Each request has a server span that follows the HTTP semantic conventions, contains no address, and
ends when the last byte is sent. Below it are spans for each fetch from an origin and for recording
the play. Sampling, batching and export follow OpenTelemetry's own variables (OTEL_*).
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from threading import Thread
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    TraceState,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.util.re import parse_env_headers

from clips_site import settings
from clips_site.server.logs import request_ids
from library.telemetry import trace_context

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"}


@cache
def provider() -> TracerProvider:
    """Return the provider that records and sends this process's spans.

    It is not made at import: its thread would not survive gunicorn's fork.
    """
    defaults = {"service.name": "clips", "service.version": settings.VERSION}
    made = TracerProvider(
        resource=Resource.create(defaults).merge(OTELResourceDetector().detect()),
        shutdown_on_exit=False,
    )
    # The SDK cannot read headers from a file, as the settings can.
    headers = parse_env_headers(settings.TRACES_HEADERS, liberal=True)
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(headers=headers)))
    return made


@cache
def _tracer() -> Tracer:
    trace_context.set_recorder(_record)
    return provider().get_tracer("clips", settings.VERSION)


def start_request(noted: dict[str, Any], method: str | None, scheme: str) -> None:
    """Start the span of the request that this task or thread handles.

    It ends with the request's log line, by `finish_span` among the request's notes.
    """
    above = trace_context.current.get()
    attributes = {
        "http.request.method": method if method in METHODS else "_OTHER",
        "url.scheme": scheme,
        "clips.request.id": request_ids.current(),
    }
    parent = _below(above, above.parent_id, remote=True) if above else Context()
    span = _tracer().start_span("HTTP", parent, SpanKind.SERVER, attributes)
    trace_context.current.set(_place(span))
    noted["finish_span"] = partial(_finish_request, span)


@contextmanager
def _record(
    name: str, outgoing: bool, attributes: Mapping[str, str | int]
) -> Iterator[trace_context.Span]:
    above = trace_context.current.get()
    parent = _below(above, above.span_id, remote=False) if above else Context()
    kind = SpanKind.CLIENT if outgoing else SpanKind.INTERNAL
    span = _tracer().start_span(name, parent, kind, attributes)
    token = trace_context.current.set(_place(span))
    try:
        yield span
    except Exception as error:
        _fail(span, getattr(error, "code", type(error).__name__))
        raise
    finally:
        trace_context.current.reset(token)
        span.end()


def _finish_request(span: Span, facts: Mapping[str, Any], route: str | None) -> None:
    """End a request's span with the facts of its log line."""
    status, template = facts["status"], None if route is None else _template(route)
    attributes = {
        "url.path": facts["path"],
        "http.route": template,
        "http.response.status_code": status,
        "http.response.body.size": facts.get("bytes"),
        "clips.clip.id": facts.get("clip"),
        "clips.stream.outcome": facts.get("outcome"),
        "clips.stream.play": facts.get("play"),
    }
    span.set_attributes({name: fact for name, fact in attributes.items() if fact is not None})
    method = facts["method"] if facts["method"] in METHODS else "HTTP"
    span.update_name(f"{method} {template}" if template else method)
    if status >= 500:
        _fail(span, str(facts.get("code", status)))
    elif facts.get("outcome") == "error":
        _fail(span, "broken_off")
    span.end()


def stop() -> None:
    """Send the spans still queued, for three seconds at most, before the process ends."""
    if provider.cache_info().currsize:
        # In a thread: it has no time limit, and retries for long if the collector is down.
        sending = Thread(target=provider().shutdown, name="last spans", daemon=True)
        sending.start()
        sending.join(3.0)


def _below(above: trace_context.Context, span_id: str, *, remote: bool) -> Context:
    """Return OpenTelemetry's context for a child of the span `span_id` in the trace of `above`."""
    place = SpanContext(
        int(above.trace_id, 16),
        int(span_id, 16),
        is_remote=remote,
        trace_flags=TraceFlags(above.flags),
        trace_state=TraceState.from_header([above.state]),
    )
    return set_span_in_context(NonRecordingSpan(place), Context())


def _place(span: Span) -> trace_context.Context:
    """Return the ids of a span and its trace, for the log and for headers."""
    place = span.get_span_context()
    return trace_context.Context(
        trace_id=format_trace_id(place.trace_id),
        span_id=format_span_id(place.span_id),
        flags=place.trace_flags,
        state=place.trace_state.to_header(),
    )


def _fail(span: Span, error_type: str) -> None:
    span.set_attribute("error.type", error_type)
    span.set_status(Status(StatusCode.ERROR))


@cache
def _template(route: str) -> str:
    """Return Django's route with its parameters in braces: `/api/v1/clips/{pk}/stream`."""
    route = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", route)
    route = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)
    return "/" + re.sub(r"[\^$]|\\Z", "", route)
