"""Dates in header fields (RFC 9110, 5.6.7)."""

import re
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache

_DAY, _MONTH, _YEAR = r"(?P<day>[0-9]{2})", r"(?P<month>[A-Z][a-z]{2})", r"(?P<year>[0-9]{4})"
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_FORMATS = (
    re.compile(rf"[A-Z][a-z]{{2}}, {_DAY} {_MONTH} {_YEAR} {_TIME} GMT"),
    re.compile(rf"[A-Z][a-z]{{5,8}}, {_DAY}-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"),
    re.compile(rf"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[ 0-9][0-9]) {_TIME} {_YEAR}"),  # asctime()
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache(maxsize=4096)
def http_date(seconds: int) -> str:
    """Format seconds since 1970 as an HTTP date."""
    return formatdate(seconds, usegmt=True)


def parse_http_date(text: str) -> int | None:
    """Return an HTTP date of any of the three formats as seconds since 1970; None if invalid."""
    match = next(filter(None, (pattern.fullmatch(text) for pattern in _FORMATS)), None)
    if match is None:
        return None
    year, day, hour, minute, second = map(
        int, match.group("year", "day", "hour", "minute", "second")
    )
    if len(match["year"]) == 2:
        year = _full_year(year)
    try:
        month = _MONTHS.index(match["month"]) + 1
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError:
        return None


def _full_year(year: int) -> int:
    """Return the year with these last two digits that is at most 50 years in the future."""
    latest = datetime.now(UTC).year + 50
    return latest - (latest - year) % 100
