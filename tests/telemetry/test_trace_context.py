"""W3C Trace Context: which traceparent is valid, and what an origin is told.

The cases are those of the specification, https://www.w3.org/TR/trace-context-2/.
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

Ask = Callable[..., requests.Response]
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{PARENT}-01"


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        (VALID, "01"),
        (f"00-{TRACE}-{PARENT}-00", "00"),
        (f"00-{TRACE}-{PARENT}-03", "03"),  # of level 2: the trace's id is random
        (f"00-{TRACE}-{PARENT}-ff", "03"),  # flags that nobody knows are not passed on
        (f"cc-{TRACE}-{PARENT}-01", "01"),  # of a later version, what this one knows
        (f"cc-{TRACE}-{PARENT}-01-what the future will be like", "01"),
    ],
)
def test_valid_traceparent_is_passed_on_with_an_id_of_ours(given: str, flags: str) -> None:
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
        f"{VALID},{VALID}",  # two headers, as the server joins them
        f"cc-{TRACE}-{PARENT}-01-x,cc-{TRACE}-{PARENT}-01-x",
    ],
)
def test_invalid_traceparent_is_ignored(given: str) -> None:
    assert parse(given, "vendor=1") is None


@pytest.mark.parametrize(
    ("given", "passed_on"),
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
def test_tracestate_is_passed_on_if_it_is_valid(given: str, passed_on: str) -> None:
    context = parse(VALID, given)
    assert context is not None
    assert context.headers.get("tracestate", "") == passed_on


def header(request: str, name: str) -> str | None:
    found = re.search(rf"^{name}: (.*)\r$", request, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else None


def test_origin_is_told_the_trace_and_the_log_has_its_ids(
    server: Server, http: Ask, make_clip: Callable[..., Clip], origin: Origin, mp3: bytes
) -> None:
    origin.on("/old", answer(b"", "302 Found", {"Location": "/a"}))
    clip = make_clip(audio_url=origin.url("/old"))
    origin.on("/a", answer(mp3))
    told = {"X-Request-ID": "traced", "traceparent": VALID, "tracestate": "rojo=1"}
    http("GET", f"/api/v1/clips/{clip.pk}/stream", headers=told)
    (line,) = lines_of(server, "traced")
    assert line["trace_id"] == TRACE
    expected = f"00-{TRACE}-{line['span_id']}-01"
    assert [header(request, "traceparent") for request in origin.requests] == [expected] * 2
    assert [header(request, "tracestate") for request in origin.requests] == ["rojo=1"] * 2


@pytest.mark.parametrize("told", [{}, {"traceparent": VALID.upper(), "tracestate": "rojo=1"}])
def test_where_there_is_no_trace_none_is_invented(
    server: Server,
    http: Ask,
    make_clip: Callable[..., Clip],
    origin: Origin,
    mp3: bytes,
    told: dict[str, str],
) -> None:
    clip = make_clip(audio_url=origin.on("/a", answer(mp3)))
    name = f"untraced{len(told)}"
    http("GET", f"/api/v1/clips/{clip.pk}/stream", headers={"X-Request-ID": name, **told})
    (line,) = lines_of(server, name)
    assert not {"trace_id", "span_id"} & set(line)
    (request,) = origin.requests
    assert header(request, "traceparent") is header(request, "tracestate") is None


def test_thread_s_next_request_is_not_of_the_last_one_s_trace() -> None:
    def handle_two() -> list[bool]:
        told = []
        for traceparent in (VALID, None):
            begin("a name", traceparent)
            told.append(bool(headers()))
        return told

    assert copy_context().run(handle_two) == [True, False]
