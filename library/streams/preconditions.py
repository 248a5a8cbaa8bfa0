"""Preconditions of GET and HEAD (RFC 9110, 13)."""

import re
from collections.abc import Callable

from library.streams.dates import parse_http_date

Field = Callable[[str], str | None]

_ENTITY_TAG = re.compile(r'(?:W/)?"[^"]*"')


def evaluate(field: Field, etag: str, last_modified: int) -> int:
    """Return the status that the preconditions require: 200 if they hold, 304 or 412.

    `field` returns a header field by its name; `etag` is a strong validator in quotes. The order is
    that of section 13.2.2. An entity tag takes precedence over a date, which is ignored then, as is
    an invalid date.
    """
    if (tags := field("If-Match")) is not None:
        if not _matches(tags, etag):
            return 412
    elif (date := field("If-Unmodified-Since")) is not None:
        since = parse_http_date(date)
        if since is not None and last_modified > since:
            return 412
    if (tags := field("If-None-Match")) is not None:
        if _matches(tags, etag, weak=True):
            return 304
    elif (date := field("If-Modified-Since")) is not None:
        since = parse_http_date(date)
        if since is not None and last_modified <= since:
            return 304
    return 200


def if_range_holds(condition: str, etag: str, last_modified: int) -> bool:
    """Return whether If-Range names the current audio (section 13.1.5). A weak tag never does."""
    return condition == etag or parse_http_date(condition) == last_modified


def _matches(tags: str, etag: str, *, weak: bool = False) -> bool:
    """Return whether a list of entity tags is `*` or has this one (section 8.8.3.2)."""
    if tags.strip(" \t") == "*":
        return True
    listed = _ENTITY_TAG.findall(tags)
    return etag in listed or (weak and f"W/{etag}" in listed)
