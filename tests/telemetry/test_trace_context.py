"""W3C Trace Context: parsing and propagation to origins.

The cases come from the specification, https://www.w3.org/TR/trace-context-2/.
"""

import re
from collections.abc import Callable
from contextvars import copy_context

import pytest
import requests

from clips_site.server.logs.request_ids import begin
from harness.origin import Origin, answer
from harness.service import Server
from library.models import Clip
from library.telemetry.trace_context import headers, parse
from tests.support.log_lines import lines_of

Request = Callable[..., requests.Response]
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{PARENT}-01"


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        (VALID, "01"),
        (f"00-{TRACE}-{PARENT}-00", "00"),
        (f"00-{TRACE}-{PARENT}-03", "03"),  # level 2: the trace id is random
        (f"00-{TRACE}-{PARENT}-ff", "03"),  # unknown flags are not propagated
        (f"cc-{TRACE}-{PARENT}-01", "01"),  # a later version: only the known fields count
        (f"cc-{TRACE}-{PARENT}-01-what the future will be like", "01"),
    ],
)
def test_valid_traceparent_is_propagated_with_a_new_span_id(given: str, flags: str) -> None:
    context = parse(given)
    assert context is not None
    assert context.parent_id == PARENT
    assert context.headers == {"traceparent": f"00-{TRACE}-{context.span_id}-{flags}"}
    assert re.fullmatch("[0-9a-f]{16}", context.span_id)
    assert context.span_id != PARENT


@pytest.mark.parametrize(
    "given",
    [
        "",
        "nonsense",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"0-{TRACE}-{PARENT}-01",
        f"00-{TRACE[:-1]}-{PARENT}-01",
        f"00-{TRACE}0-{PARENT}-01",
        f"00-{TRACE}-{PARENT[:-1]}-01",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}-01-",
        f"00-{TRACE}-{PARENT}-01-more",
        f"cc-{TRACE}-{PARENT}-01.more",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT.upper()}-01",
        f"00-{TRACE[:-1]}g-{PARENT}-01",
        f"00_{TRACE}_{PARENT}_01",
        f" {VALID}",
        f"{VALID}\n",
        f"{VALID},{VALID}",  # two headers joined by the server
        f"cc-{TRACE}-{PARENT}-01-x,cc-{TRACE}-{PARENT}-01-x",
    ],
)
def test_invalid_traceparent_is_ignored(given: str) -> None:
    assert parse(given, "vendor=1") is None


@pytest.mark.parametrize(
    ("given", "propagated"),
    [
        ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        (" a=1 ,\t b=2,,", "a=1,b=2"),
        ("tenant@system=a b", "tenant@system=a b"),
        (",".join(f"k{n}=1" for n in range(32)), ",".join(f"k{n}=1" for n in range(32))),
        (",".join(f"k{n}=1" for n in range(33)), ""),
        ("a=1,a=2", ""),
        ("A=1", ""),
        ("a", ""),
        ("a=", ""),
        ("a=1=2", ""),
        ("a=\x7f", ""),
        ("a=\xe9", ""),
        ("a" * 257 + "=1", ""),
        ("a=" + "1" * 257, ""),
        (
            "a=" + "1" * 250 + ",b=" + "1" * 250 + ",c=" + "1" * 250,
            "a=" + "1" * 250 + ",b=" + "1" * 250,
        ),
    ],
)
def test_valid_tracestate_is_propagated(given: str, propagated: str) -> None:
    context = parse(VALID, given)
    assert context is not None
    assert context.headers.get("tracestate", "") == propagated


def header(request: str, name: str) -> str | None:
    found = re.search(rf"^{name}: (.*)\r$", request, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else None


def test_trace_is_propagated_to_the_origin_and_its_ids_are_logged(
    server: Server, http: Request, make_clip: Callable[..., Clip], origin: Origin, mp3: bytes
) -> None:
    origin.on("/old", answer(b"", "302 Found", {"Location": "/a"}))
    clip = make_clip(audio_url=origin.url("/old"))
    origin.on("/a", answer(mp3))
    sent = {"X-Request-ID": "traced", "traceparent": VALID, "tracestate": "rojo=1"}
    http("GET", f"/api/v1/clips/{clip.pk}/stream", headers=sent)
    logged = {(line["trace_id"], line["span_id"]) for line in lines_of(server, "traced")}
    ((trace_id, span_id),) = logged  # the same ids in all lines
    assert trace_id == TRACE
    expected = f"00-{TRACE}-{span_id}-01"
    assert [header(request, "traceparent") for request in origin.requests] == [expected] * 2
    assert [header(request, "tracestate") for request in origin.requests] == ["rojo=1"] * 2


@pytest.mark.parametrize("sent", [{}, {"traceparent": VALID.upper(), "tracestate": "rojo=1"}])
def test_no_trace_is_started(
    server: Server,
    http: Request,
    make_clip: Callable[..., Clip],
    origin: Origin,
    mp3: bytes,
    sent: dict[str, str],
) -> None:
    clip = make_clip(audio_url=origin.on("/a", answer(mp3)))
    name = f"untraced{len(sent)}"
    http("GET", f"/api/v1/clips/{clip.pk}/stream", headers={"X-Request-ID": name, **sent})
    assert not any({"trace_id", "span_id"} & set(line) for line in lines_of(server, name))
    (request,) = origin.requests
    assert header(request, "traceparent") is header(request, "tracestate") is None


def test_next_request_in_a_thread_does_not_continue_the_trace_of_the_previous_one() -> None:
    def handle_two() -> list[bool]:
        traced = []
        for traceparent in (VALID, None):
            begin("a name", traceparent)
            traced.append(bool(headers()))
        return traced

    assert copy_context().run(handle_two) == [True, False]
