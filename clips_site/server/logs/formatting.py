"""The format of every log line, whether Django, gunicorn, urllib3 or this service writes it.

A line is a JSON object, or text for people if standard error is a terminal (CLIPS_LOG_FORMAT).
structlog renders both. Code logs with Python's `logging` and passes values that machines read by
name in `extra=`.
"""

import json
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
import structlog
from structlog.processors import format_exc_info
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name

from clips_site.server.logs import request_ids
from library.database_errors import fault_of
from library.telemetry import task_context, trace_context

logger = logging.getLogger(__name__)

ACCESS = "clips_site.access"  # the logger of requests
Event = MutableMapping[str, Any]

# With one of these, text could end its line and forge another, or control a terminal.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NOT_ESCAPED_BY_JSON = re.compile("[\x7f-\x9f\u2028\u2029]")
_add_fields = ExtraAdder()


def line_formatter(style: str) -> logging.Formatter:
    """Return the formatter for Python's `logging`; `style` is auto, json or console."""
    render = line_renderer(style)
    return ProcessorFormatter(
        foreign_pre_chain=[
            *(_add_own_fields, add_logger_name, add_log_level, _shorten_refusals, format_exc_info)
        ],
        processors=[_arrange, lambda _logger, _method, event: render(event)],
    )


def first_fields(seconds: float, level: str, name: str, event: str) -> Event:
    """Return the first fields of every line: time, level, logger, event, request or task, trace.

    `seconds` are those since 1970. The line shows an RFC 3339 time in UTC, with milliseconds.
    """
    time = f"{_second(int(seconds))}.{int(seconds % 1 * 1000):03}Z"
    line = {"timestamp": time, "level": level, "logger": name, "event": event}
    if request := request_ids.current():
        line["request_id"] = request
    if task := task_context.current.get():
        line.update(task._asdict())
    if context := trace_context.current.get():
        line["trace_id"] = context.trace_id
        line["span_id"] = context.span_id
    return line


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def line_renderer(style: str) -> Callable[[Event], str]:
    """Return a function that turns the fields of a line into text."""
    if style == "json" or (style == "auto" and not sys.stderr.isatty()):
        return _json
    colors = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    console = structlog.dev.ConsoleRenderer(colors=colors, sort_keys=False)
    return lambda event: str(console(None, "", _for_people(event)))


class UnexpectedErrors(logging.Filter):
    """Keeps records with the traceback of an error, unless the database just isn't available.

    The handler that answers such an error with 503 logs it in one line. A warning, such as that of
    a missing permission, is about a request that was refused: that is in the access log.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is None or record.levelno < logging.ERROR:
            return False
        return fault_of(error) is None


def log_uncaught() -> None:
    """Log exceptions that end a thread or the process, which Python would print."""

    def of_thread(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread else "?"
        logger.error("An exception ended the thread %s", name, exc_info=args.exc_value)

    def of_process(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
        if issubclass(kind, Exception):
            logger.critical("An exception ended the process", exc_info=error)
        else:  # Ctrl-C
            sys.__excepthook__(kind, error, traceback)

    threading.excepthook, sys.excepthook = of_thread, of_process


def _add_own_fields(logger: Any, method: str, event: Event) -> Event:
    """Add `extra=` of this service; that of packages contains requests, parameters, addresses."""
    if event["_record"].name.startswith(("library.", "clips_site.")):
        return _add_fields(logger, method, event)
    return event


def _shorten_refusals(_logger: Any, _method: str, event: Event) -> Event:
    """Leave out what Django quotes of the client from the reason for a failed CSRF check."""
    if event["logger"] == "django.security.csrf":
        reason, _, _ = event["event"].removeprefix("Forbidden (").rpartition("): ")
        event["event"] = f"CSRF check failed: {reason.partition(' - ')[0]}"
    return event


def _arrange(_logger: Any, _method: str, event: Event) -> Event:
    """Put the first fields before the others."""
    created = event.pop("_record").created
    del event["_from_structlog"]
    line = first_fields(created, *(event.pop(key) for key in ("level", "logger", "event")))
    line.update(event)
    return line


def _json(event: Event) -> str:
    try:
        line = orjson.dumps(event, default=str).decode()
    except TypeError:  # a lone surrogate, a number beyond 64 bits
        line = json.dumps(event, default=str)
    if line.isascii() and "\x7f" not in line:
        return line
    return _NOT_ESCAPED_BY_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def _for_people(event: Event) -> Event:
    """Escape control characters, and indent a traceback so that no part of it looks like a line.

    The line of a request starts with its status, method and path.
    """
    if event["logger"] == ACCESS:
        event["event"] = "{status} {method} {path}".format_map(event)
        for key in ("logger", "status", "method", "path"):
            del event[key]
    for key, value in event.items():
        if not isinstance(value, (int, float)):
            event[key] = _CONTROL.sub(_escape, str(value))
    if exception := event.get("exception"):
        event["exception"] = "    " + exception.replace("\\n", "\n    ")
    return event


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
