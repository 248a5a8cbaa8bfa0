"""Periods of statistics: buckets that follow the clock of a time zone.

Plays are tallied per quarter of an hour, because the offset of every zone has been a multiple of 15
minutes since 1972. So each edge between buckets is a full quarter, in UTC and in local time.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

QUARTER = timedelta(minutes=15)
MAX_BUCKETS = 1000
FIRST_YEAR = 2000

# RFC 3339, section 5.6, with optional seconds and offset. An unescaped `+` in a query string
# arrives as a space.
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[t ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(z|[+ -]\d\d:\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)


class Interval(StrEnum):
    """The possible lengths of buckets."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"  # ISO 8601: from Monday
    MONTH = "month"


_LONGEST_DAYS = {Interval.DAY: 1, Interval.WEEK: 7, Interval.MONTH: 31}
_DEFAULT_BUCKETS = {Interval.HOUR: 24, Interval.DAY: 30, Interval.WEEK: 12, Interval.MONTH: 12}


class PeriodError(ValueError):
    """A parameter is invalid. `field` is its name; `message` says what is allowed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True)
class Period:
    """Adjacent buckets: bucket i is [edges[i], edges[i + 1]), in UTC.

    Days, weeks and months begin with the first instant of their first local date, so a day can have
    23 or 25 hours. An hour begins whenever the local clock shows a full hour. The hour repeated at
    the end of summer time is two buckets, the skipped hour is none, and where the clock moves by
    half an hour (Lord Howe) a bucket has 30 or 90 minutes.
    """

    interval: Interval
    zone: ZoneInfo
    edges: tuple[datetime, ...]

    @property
    def since(self) -> datetime:
        """The first instant, in UTC."""
        return self.edges[0]

    @property
    def until(self) -> datetime:
        """The exclusive end, in UTC."""
        return self.edges[-1]

    @property
    def length(self) -> timedelta:
        """Real time from `since` to `until`."""
        return self.until - self.since

    def starts(self) -> list[datetime]:
        """Return the start of each bucket in local time."""
        return [edge.astimezone(self.zone) for edge in self.edges[:-1]]

    def before(self) -> tuple[datetime, datetime]:
        """Return start and end of the same number of buckets just before this period."""
        return _back(self.since, len(self.edges) - 1, self.interval, self.zone), self.since


def parse_period(
    interval: str | None, since: str | None, until: str | None, timezone: str | None, now: datetime
) -> Period:
    """Return the period described by a client's parameters. Raises PeriodError.

    `since` and `until` (exclusive) are dates or RFC 3339 date-times, on the zone's clock if they
    have no offset, and widen to whole buckets. No period reaches past the bucket that holds `now`:
    zeros for the future would look like a lack of plays.
    """
    zone = _zone("UTC" if timezone is None else timezone)
    try:
        unit = Interval.DAY if interval is None else Interval(interval)
    except ValueError:
        raise PeriodError("interval", f"Must be one of {', '.join(Interval)}.") from None
    latest = _next(_floor(now, unit, zone), unit, zone)
    end = latest if until is None else _moment("until", until, zone, latest)
    last = _floor(end, unit, zone)
    if last < end:
        last = _next(last, unit, zone)
    if since is None:
        edges = [_back(last, _DEFAULT_BUCKETS[unit], unit, zone)]
    else:
        begin = _moment("since", since, zone, latest)
        if begin >= end:
            limit = f"{end.astimezone(zone).isoformat()}, the end of this {unit} at the latest"
            raise PeriodError("since", f"Must be before until ({limit}).")
        edges = [_floor(begin, unit, zone)]
    while edges[-1] < last:
        if len(edges) > MAX_BUCKETS:
            advice = "Use a shorter period or a longer interval."
            raise PeriodError("since", f"At most {MAX_BUCKETS} {unit}s before until. {advice}")
        edges.append(_next(edges[-1], unit, zone))
    return Period(unit, zone, tuple(edges))


def _zone(name: str) -> ZoneInfo:
    if not isinstance(name, str) or name not in _zone_names():
        raise PeriodError("timezone", "Must be an IANA time zone, such as UTC or Europe/Berlin.")
    return ZoneInfo(name)


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime"})  # Debian's name for its own clock


def _moment(field: str, text: str, zone: ZoneInfo, latest: datetime) -> datetime:
    """An instant in UTC, not after `latest`."""
    found = _MOMENT.fullmatch(text) if isinstance(text, str) else None
    day, clock, offset = found.groups(default="") if found else ("", "", "")
    try:
        moment = datetime.fromisoformat(
            f"{day}T{clock or '00:00'}{offset.upper().replace(' ', '+')}"
        )
    except ValueError:
        example = "2026-03-29 or 2026-03-29T12:00:00+02:00"
        raise PeriodError(field, f"Must be a date or an RFC 3339 date-time: {example}.") from None
    if moment.year < FIRST_YEAR:
        raise PeriodError(field, f"Must be {FIRST_YEAR}-01-01 or later.")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    if moment >= latest:  # Compared as it is: a conversion would overflow in the year 9999.
        return latest
    return moment.astimezone(UTC) if clock else _midnight(moment.date(), zone)


def _floor(moment: datetime, interval: Interval, zone: ZoneInfo) -> datetime:
    """Return the start of the bucket that contains `moment`."""
    edge = moment.astimezone(UTC)
    edge -= (edge - datetime.min.replace(tzinfo=UTC)) % QUARTER
    if interval is Interval.HOUR:
        while edge.astimezone(zone).minute:
            edge -= QUARTER
        return edge
    day = edge.astimezone(zone).date()
    begin = _midnight(_first_date(day, interval), zone)
    if begin > edge:  # St. John's until 2011: a date's first minute, then the day before again.
        begin = _midnight(_first_date(day - timedelta(days=1), interval), zone)
    return begin


def _next(edge: datetime, interval: Interval, zone: ZoneInfo) -> datetime:
    """Return the end of the bucket that begins at `edge`."""
    if interval is Interval.HOUR:
        edge += QUARTER
        while edge.astimezone(zone).minute:
            edge += QUARTER
        return edge
    first = _first_date(edge.astimezone(zone).date(), interval)
    return _midnight(_first_date(first + timedelta(_LONGEST_DAYS[interval]), interval), zone)


def _back(edge: datetime, buckets: int, interval: Interval, zone: ZoneInfo) -> datetime:
    for _ in range(buckets):
        edge = _floor(edge - QUARTER, interval, zone)
    return edge


def _first_date(day: date, interval: Interval) -> date:
    if interval is Interval.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if interval is Interval.MONTH else day


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the start of a local date, in UTC: after the last quarter of earlier dates.

    If the clock skips midnight or shows it twice, there are two instants for it (PEP 495). The date
    begins at one of them or in between.
    """
    midnight = datetime.combine(day, time(), zone)
    early, late = sorted(midnight.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    while early < late and (late - QUARTER).astimezone(zone).date() >= day:
        late -= QUARTER
    return late
