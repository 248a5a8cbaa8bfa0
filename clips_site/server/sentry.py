"""Reports errors to a Sentry-compatible service; imported only if SENTRY_DSN is set.

Everything logged as an error is reported, above all each 500 with its traceback: with the request's
id, its view and the position in the code, and without data of a client: no address, header, cookie,
body, query or local variable. Not reported are 4xx, 502, 503, an unavailable database or disk, and
an unknown host; alerts watch those.
"""

import logging
import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import sentry_sdk
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.logging import EventHandler

from clips_site import settings
from clips_site.server.logs import request_ids
from library.database_errors import fault_of
from library.telemetry import trace_context

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

# Everything that is sent. A list of exclusions would miss keys that a newer SDK adds.
KEPT = {
    *("event_id", "timestamp", "platform", "level", "logger", "exception", "threads"),
    *("release", "environment", "server_name", "sdk", "_meta"),
}
IGNORED_LOGGERS = ("django.security.", "opentelemetry.")
MESSAGE_LENGTH = 300
_ADDRESS = re.compile(
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b|(?<![\w:])[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}"
)


def handler() -> logging.Handler:
    """Return the handler that sends logged errors. Its thread does not survive a fork."""
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        release=settings.SENTRY_RELEASE,
        environment=settings.SENTRY_ENVIRONMENT,
        sample_rate=settings.SENTRY_SAMPLE_RATE,
        # Logged errors are the only source. Integrations would wrap Django, the database and
        # http.client, read requests, and add headers to requests to origins.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[AtexitIntegration(callback=lambda pending, timeout: None)],
        include_local_variables=False,
        max_breadcrumbs=0,
        auto_session_tracking=False,
        send_client_reports=False,
        spotlight=False,
        before_send=_remove_private_data,
    )
    return EventHandler(level=logging.ERROR)


def _remove_private_data(event: "Event", hint: "Hint") -> "Event | None":
    record: logging.LogRecord = hint["log_record"]  # the log is the only source of events
    error = record.exc_info[1] if record.exc_info else None
    if record.name.startswith(IGNORED_LOGGERS) or _is_unavailability(record, error):
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


def _is_unavailability(record: logging.LogRecord, error: BaseException | None) -> bool:
    """Return whether the database or the audio store's disk failed, which is answered with 503."""
    if fault_of(error):
        return True
    return isinstance(error, OSError) and record.name.startswith("library.audio.")


def _brief(message: str) -> str:
    """Return the first line without addresses. PostgreSQL quotes the values in the next lines."""
    first = message.partition("\n")[0][:MESSAGE_LENGTH]
    return _ADDRESS.sub(_hide_address, first)


def _hide_address(found: re.Match[str]) -> str:
    try:
        ip_address(found[0])
    except ValueError:  # a time of day, for example
        return found[0]
    return "[address]"
