"""Buckets of time that follow the clock of a time zone.

Plays are tallied per quarter of an hour, because the offset of every zone has been a multiple of 15
minutes since 1972. So each edge between buckets is a full quarter, in UTC and in local time.

Days, weeks and months begin with the first instant of their first local date, so a day can have 23
or 25 hours. An hour begins whenever the local clock shows a full hour. The hour repeated at the end
of summer time is two buckets, the skipped hour is none, and where the clock moves by half an hour
(Lord Howe) a bucket has 30 or 90 minutes.
"""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

QUARTER = timedelta(minutes=15)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Interval(StrEnum):
    """The possible lengths of buckets."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"  # ISO 8601: from Monday
    MONTH = "month"


_LONGEST_DAYS = {Interval.DAY: 1, Interval.WEEK: 7, Interval.MONTH: 31}


def quarter_of(moment: datetime) -> datetime:
    """Return the start of the quarter of an hour that contains the moment, in UTC."""
    moment = moment.astimezone(UTC)
    return moment - (moment - _EPOCH) % QUARTER


def floor(moment: datetime, interval: Interval, zone: ZoneInfo) -> datetime:
    """Return the start of the bucket that contains `moment`."""
    edge = quarter_of(moment)
    if interval is Interval.HOUR:
        while edge.astimezone(zone).minute:
            edge -= QUARTER
        return edge
    day = edge.astimezone(zone).date()
    begin = start_of(_first_date(day, interval), zone)
    if begin > edge:  # St. John's until 2011: a date's first minute, then the day before again.
        begin = start_of(_first_date(day - timedelta(days=1), interval), zone)
    return begin


def following(edge: datetime, interval: Interval, zone: ZoneInfo) -> datetime:
    """Return the end of the bucket that begins at `edge`."""
    if interval is Interval.HOUR:
        edge += QUARTER
        while edge.astimezone(zone).minute:
            edge += QUARTER
        return edge
    first = _first_date(edge.astimezone(zone).date(), interval)
    return start_of(_first_date(first + timedelta(_LONGEST_DAYS[interval]), interval), zone)


def back(edge: datetime, buckets: int, interval: Interval, zone: ZoneInfo) -> datetime:
    """Return the start of the bucket that begins so many buckets before the one at `edge`."""
    for _ in range(buckets):
        edge = floor(edge - QUARTER, interval, zone)
    return edge


def _first_date(day: date, interval: Interval) -> date:
    if interval is Interval.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if interval is Interval.MONTH else day


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the start of a local date, in UTC: after the last quarter of earlier dates.

    If the clock skips midnight or shows it twice, there are two instants for it (PEP 495). The date
    begins at one of them or in between.
    """
    midnight = datetime.combine(day, time(), zone)
    early, late = sorted(midnight.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    while early < late and (late - QUARTER).astimezone(zone).date() >= day:
        late -= QUARTER
    return late
