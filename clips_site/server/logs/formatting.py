"""How every line of the log looks, whoever writes it: Django, gunicorn, urllib3 or we.

One JSON object a line for machines, or a line for people where standard error is a terminal
(CLIPS_LOG_FORMAT). structlog renders both; who logs uses Python's `logging`, with `extra=` where a
machine wants a value by its name.
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
from library.telemetry import trace_context

logger = logging.getLogger(__name__)

ACCESS = "clips_site.access"  # the logger of requests
Event = MutableMapping[str, Any]

# Who can write one of these into a line could end it and begin another, or steer a terminal.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_KEPT_BY_JSON = re.compile("[\x7f-\x9f\u2028\u2029]")
_add_fields = ExtraAdder()


def formatter(style: str) -> logging.Formatter:
    """What renders the records of Python's `logging`; `style` is auto, json or console."""
    render = renderer(style)
    return ProcessorFormatter(
        foreign_pre_chain=[
            *(_fields_of_ours, add_logger_name, add_log_level, _refusals_briefly, format_exc_info),
        ],
        processors=[_shape, lambda _logger, _method, event: render(event)],
    )


def beginning(seconds: float, level: str, name: str, event: str) -> Event:
    """The same keys first in every line: when, how grave, who, what, for which request.

    `seconds` since 1970 become a time by RFC 3339, in UTC, to the millisecond.
    """
    time = f"{_second(int(seconds))}.{int(seconds % 1 * 1000):03}Z"
    line = {"timestamp": time, "level": level, "logger": name, "event": event}
    if request := request_ids.current():
        line["request_id"] = request
    if context := trace_context.current.get():
        line["trace_id"] = context.trace_id
        line["span_id"] = context.span_id
    return line


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def renderer(style: str) -> Callable[[Event], str]:
    """What makes text of a line's `beginning` and what follows it."""
    if style == "json" or (style == "auto" and not sys.stderr.isatty()):
        return _json
    colors = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    console = structlog.dev.ConsoleRenderer(colors=colors, sort_keys=False)
    return lambda event: str(console(None, "", _for_people(event)))


def log_uncaught() -> None:
    """Have the exceptions that end a thread or the process logged; Python would print them."""

    def of_thread(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread else "?"
        logger.error("An exception ended the thread %s", name, exc_info=args.exc_value)

    def of_process(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
        if issubclass(kind, Exception):
            logger.critical("An exception ended the process", exc_info=error)
        else:  # Ctrl-C
            sys.__excepthook__(kind, error, traceback)

    threading.excepthook, sys.excepthook = of_thread, of_process


def _fields_of_ours(logger: Any, method: str, event: Event) -> Event:
    """Add `extra=`, but not that of others: it holds requests, parameters, addresses."""
    if event["_record"].name.startswith(("library.", "clips_site.")):
        return _add_fields(logger, method, event)
    return event


def _refusals_briefly(_logger: Any, _method: str, event: Event) -> Event:
    """What Django refuses, such as a strange host, is no fault of ours: no error, no traceback."""
    if event["logger"].startswith("django.security."):
        event["level"] = "warning"
        event.pop("exc_info", None)
    return event


def _shape(_logger: Any, _method: str, event: Event) -> Event:
    """The line's beginning, then what else the record has."""
    created = event.pop("_record").created
    del event["_from_structlog"]
    line = beginning(created, *(event.pop(key) for key in ("level", "logger", "event")))
    line.update(event)
    return line


def _json(event: Event) -> str:
    try:
        line = orjson.dumps(event, default=str).decode()
    except TypeError:  # a lone surrogate, a number beyond 64 bits
        line = json.dumps(event, default=str)
    if line.isascii() and "\x7f" not in line:
        return line
    return _KEPT_BY_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def _for_people(event: Event) -> Event:
    """Escape what could forge a line; indent a traceback, so that none of its lines looks like one.

    A request becomes what is read of it first.
    """
    if event["logger"] == ACCESS:
        event["event"] = "{status} {method} {path}".format_map(event)
        for key in ("logger", "status", "method", "path"):
            del event[key]
    for key, value in event.items():
        if not isinstance(value, (int, float)):
            event[key] = _CONTROL.sub(_escaped, str(value))
    if exception := event.get("exception"):
        event["exception"] = "    " + exception.replace("\\n", "\n    ")
    return event


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
