"""W3C Trace Context: the distributed trace that a request belongs to, and handing it on.

Pure: https://www.w3.org/TR/trace-context/ (level 1; of level 2 the flag `random-trace-id`).
Without OpenTelemetry a trace is taken up and passed on, none begins here and none is recorded.
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
KNOWN_FLAGS = 0b11  # sampled, random-trace-id; others must not be passed on
STATE_MEMBERS, STATE_LENGTH = 32, 512  # what must be passed on; more may be dropped


@dataclass(frozen=True, slots=True)
class Context:
    """A place in a trace. Ids are lower-case hexadecimal, 32 and 16 digits."""

    trace_id: str
    span_id: str
    flags: int = 0
    state: str = ""
    parent_id: str = ""  # the caller's span, where the trace came from outside

    @property
    def headers(self) -> dict[str, str]:
        """What tells the next server of it."""
        headers = {"traceparent": f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"}
        if self.state:
            headers["tracestate"] = self.state
        return headers


# Of the request that this thread handles; set anew with each, as the request's id is.
current: ContextVar[Context | None] = ContextVar("trace", default=None)


def take_up(traceparent: str | None, tracestate: str | None = None) -> None:
    """Belong to the trace that a request names from now on, or to none."""
    current.set(parse(traceparent, tracestate or "") if traceparent else None)


def parse(traceparent: str, tracestate: str = "") -> Context | None:
    """The caller's place in its trace with an id of our own below it; None if it is not valid.

    Several headers are joined by commas, and then not valid (traceparent) or one list (tracestate).
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
    """The list of what other systems keep with the trace, empty if it is not valid."""
    members = [member.strip(" \t") for member in tracestate.split(",") if member.strip(" \t")]
    keys = {member.partition("=")[0] for member in members}
    if len(members) > STATE_MEMBERS or len(keys) < len(members):
        return ""
    if not all(_MEMBER.fullmatch(member) for member in members):
        return ""
    while len(state := ",".join(members)) > STATE_LENGTH:
        members.pop()  # the oldest stand at the end
    return state


class Span(Protocol):
    """A stretch of work that is recorded, as OpenTelemetry has it."""

    def set_attribute(self, key: str, value: str | int, /) -> object:
        """Note a fact."""


class _Unrecorded:
    def set_attribute(self, _key: str, _value: str | int, /) -> None:
        """Nobody asks."""


Recorder = Callable[[str, bool, Mapping[str, str | int]], AbstractContextManager[Span]]
_unrecorded: AbstractContextManager[Span] = nullcontext(_Unrecorded())
_recorder: Recorder | None = None


def record_with(recorder: Recorder | None) -> None:
    """Have spans recorded, by what is called with a span's name, direction and attributes."""
    global _recorder
    _recorder = recorder


def span(
    name: str, attributes: Mapping[str, str | int] | None = None, *, outgoing: bool = False
) -> AbstractContextManager[Span]:
    """A part of the current request's work, while this context lasts; recorded if anybody does."""
    if _recorder is None:
        return _unrecorded
    return _recorder(name, outgoing, attributes or {})


def headers() -> dict[str, str]:
    """What a request to another server says of the trace; nothing where there is none."""
    context = current.get()
    return context.headers if context else {}
