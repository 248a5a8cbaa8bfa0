"""Faults of ours, sent to a Sentry-compatible service; imported only where SENTRY_DSN is set.

What is logged as an error, above all each 500 with its traceback, is sent: with the request's id,
its view and the place in the code, and with nothing that names a client: no address, header,
cookie, body, query, local variable. What is no fault is not sent: 4xx, 502, 503, a database or a
disk that is away, a strange host. Alerts watch those.
"""

import logging
import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import sentry_sdk
from django.db import InterfaceError, OperationalError
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.logging import EventHandler

from clips_site import settings
from clips_site.server.logs import request_ids
from library.telemetry import trace_context

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

# All that is sent. A list of what is not would miss what a newer SDK adds.
KEPT = frozenset(
    (
        *("event_id", "timestamp", "platform", "level", "logger", "exception", "threads"),
        *("release", "environment", "server_name", "sdk", "_meta"),
    )
)
NO_FAULT = ("django.security.", "opentelemetry.")
MESSAGE_LENGTH = 300
_ADDRESS = re.compile(
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b|(?<![\w:])[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}"
)


def handler() -> logging.Handler:
    """What sends the log's errors. In each process anew: its thread does not survive a fork."""
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        release=settings.SENTRY_RELEASE,
        environment=settings.SENTRY_ENVIRONMENT,
        sample_rate=settings.SENTRY_SAMPLE_RATE,
        # The log tells what there is to tell. Integrations would wrap Django, the database and
        # http.client, read requests, and pass headers of their own on to origins.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[AtexitIntegration(callback=lambda pending, timeout: None)],
        include_local_variables=False,
        max_breadcrumbs=0,
        auto_session_tracking=False,
        send_client_reports=False,
        spotlight=False,
        before_send=_without_what_is_private,
    )
    return EventHandler(level=logging.ERROR)


def stop() -> None:
    """Send what waits, for two seconds at most; the process ends."""
    sentry_sdk.flush(timeout=2)


def _without_what_is_private(event: "Event", hint: "Hint") -> "Event | None":
    record: logging.LogRecord = hint["log_record"]  # there is no other source of events
    error = record.exc_info[1] if record.exc_info else None
    if record.name.startswith(NO_FAULT) or _is_away(record, error):
        return None
    sent: Any = {key: value for key, value in event.items() if key in KEPT}
    for exception in sent.get("exception", {}).get("values", ()):
        exception["value"] = _brief(exception.get("value") or "")
    sent["logentry"] = {"formatted": _brief(record.getMessage())}
    sent["tags"] = {"request_id": request_ids.current()}
    match = getattr(getattr(record, "request", None), "resolver_match", None)
    if match is not None:
        sent["transaction"] = match.view_name
    if context := trace_context.current.get():
        sent["contexts"] = {"trace": {"trace_id": context.trace_id, "span_id": context.span_id}}
    result: Event = sent
    return result


def _is_away(record: logging.LogRecord, error: BaseException | None) -> bool:
    """Whether it is the database or the store's disk that fails, which is answered by 503."""
    if isinstance(error, (OperationalError, InterfaceError)):
        return True
    return isinstance(error, OSError) and record.name.startswith("library.audio.")


def _brief(message: str) -> str:
    """The first line, without addresses: in the next PostgreSQL quotes the statement's values."""
    first = message.partition("\n")[0][:MESSAGE_LENGTH]
    return _ADDRESS.sub(_unless_no_address, first)


def _unless_no_address(found: re.Match[str]) -> str:
    try:
        ip_address(found[0])
    except ValueError:  # a time of day, say
        return found[0]
    return "[address]"
