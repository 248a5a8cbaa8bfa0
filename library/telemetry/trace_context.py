"""W3C Trace Context: continue the distributed trace of a request and propagate it to origins.

See https://www.w3.org/TR/trace-context/ (level 1, and the flag `random-trace-id` of level 2).
Without OpenTelemetry, traces are continued and propagated, but none is started or recorded.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[^,]*)?")
_MEMBER = re.compile(
    r"[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
KNOWN_FLAGS = 0b11  # sampled, random-trace-id; others must not be propagated
STATE_MEMBERS, STATE_LENGTH = 32, 512  # must be propagated; the rest may be dropped


@dataclass(frozen=True, slots=True)
class Context:
    """A span's position in a trace. Ids are lower-case hexadecimal, 32 and 16 digits."""

    trace_id: str
    span_id: str
    flags: int = 0
    state: str = ""
    parent_id: str = ""  # the caller's span; empty if the trace started here

    @property
    def headers(self) -> dict[str, str]:
        headers = {"traceparent": f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"}
        if self.state:
            headers["tracestate"] = self.state
        return headers


# Of the request that this thread handles; set for every request, like the request id.
current: ContextVar[Context | None] = ContextVar("trace", default=None)


def continue_trace(traceparent: str | None, tracestate: str | None = None) -> None:
    """Set the current context from a request's headers, or to None without a valid trace."""
    current.set(parse(traceparent, tracestate or "") if traceparent else None)


def parse(traceparent: str, tracestate: str = "") -> Context | None:
    """Return a context with a new span id below the caller's span, or None for invalid headers.

    The server joins repeated headers with commas. This is invalid in traceparent, and one list in
    tracestate.
    """
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None:
        return None
    version, trace_id, parent_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    if not (trace_id.strip("0") and parent_id.strip("0")):
        return None
    return Context(
        trace_id=trace_id,
        span_id=secrets.token_hex(8),
        flags=int(flags, 16) & KNOWN_FLAGS,
        state=_state(tracestate),
        parent_id=parent_id,
    )


def _state(tracestate: str) -> str:
    """Return the valid tracestate within the limits, or an empty string."""
    members = [member.strip(" \t") for member in tracestate.split(",") if member.strip(" \t")]
    keys = {member.partition("=")[0] for member in members}
    if len(members) > STATE_MEMBERS or len(keys) < len(members):
        return ""
    if not all(_MEMBER.fullmatch(member) for member in members):
        return ""
    while len(state := ",".join(members)) > STATE_LENGTH:
        members.pop()  # the last are the oldest
    return state


class Span(Protocol):
    """The part of OpenTelemetry's Span that this service uses."""

    def set_attribute(self, key: str, value: str | int, /) -> object:
        """Add an attribute to the recorded span."""


class _Unrecorded:
    def set_attribute(self, _key: str, _value: str | int, /) -> None:
        pass


Recorder = Callable[[str, bool, Mapping[str, str | int]], AbstractContextManager[Span]]
_unrecorded: AbstractContextManager[Span] = nullcontext(_Unrecorded())
_recorder: Recorder | None = None


def set_recorder(recorder: Recorder | None) -> None:
    """Record spans with a function of name, direction (outgoing or not) and attributes."""
    global _recorder
    _recorder = recorder


def span(
    name: str, attributes: Mapping[str, str | int] | None = None, *, outgoing: bool = False
) -> AbstractContextManager[Span]:
    """Return a context manager for a span of the current request, recorded if tracing is on."""
    if _recorder is None:
        return _unrecorded
    return _recorder(name, outgoing, attributes or {})


def headers() -> dict[str, str]:
    """Return the headers that propagate the current trace to another server, if there is one."""
    context = current.get()
    return context.headers if context else {}
