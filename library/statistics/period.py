"""Periods of statistics, and the parameters that describe them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache, cached_property, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from library.moments import MOMENT, moment_text, parse_moment
from library.statistics.buckets import Interval, back, floor, following, quarter_of, start_of

MAX_BUCKETS = 1000
FIRST_YEAR = 2000

# A number of hours, days or weeks before now.
_RELATIVE = re.compile(r"-(\d{1,6})([hdw])", re.ASCII | re.IGNORECASE)
_DEFAULT_BUCKETS = {Interval.HOUR: 24, Interval.DAY: 30, Interval.WEEK: 12, Interval.MONTH: 12}


class PeriodError(ValueError):
    """A parameter is invalid. `field` is its name; `message` says what is allowed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class _TooEarlyError(PeriodError):
    def __init__(self, field: str) -> None:
        super().__init__(field, f"Must be {FIRST_YEAR}-01-01 or later.")


@dataclass(frozen=True)
class Period:
    """Adjacent buckets: bucket i is [edges[i], edges[i + 1]), in UTC."""

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

    @cached_property
    def local_edges(self) -> tuple[str, ...]:
        """The edges in local time, as text (RFC 3339) with `Z` for UTC."""
        return tuple(in_zone(edge, self.zone) for edge in self.edges)

    @cached_property
    def before(self) -> tuple[datetime, datetime]:
        """Start and end of the same number of buckets just before this period."""
        return back(self.since, len(self.edges) - 1, self.interval, self.zone), self.since


def in_zone(moment: datetime, zone: ZoneInfo) -> str:
    """Return the local time as text (RFC 3339), with `Z` as the JSON of all other times has it."""
    return moment_text(moment.astimezone(zone))


def parse_period(
    interval: str | None, since: str | None, until: str | None, timezone: str | None, now: datetime
) -> Period:
    """Return the period described by a client's parameters. Raises PeriodError.

    `since` and `until` (exclusive) are dates or RFC 3339 date-times, on the zone's clock if they
    have no offset, and widen to whole buckets. Or they are times before now, such as `-7d`: the
    period then begins or ends with the bucket that contains that time. No period reaches past the
    bucket that holds `now`: zeros for the future would look like a lack of plays.
    """
    zone = _zone("UTC" if timezone is None else timezone)
    return _parse(interval, since, until, zone, quarter_of(now))


# Many requests ask for the same period, and finding its edges takes long. It stays the same for a
# quarter of an hour. A period of a thousand hours takes 150 kB, so few are kept.
@lru_cache(maxsize=32)
def _parse(
    interval: str | None, since: str | None, until: str | None, zone: ZoneInfo, now: datetime
) -> Period:
    try:
        unit = Interval.DAY if interval is None else Interval(interval)
    except ValueError:
        raise PeriodError("interval", f"Must be one of {', '.join(Interval)}.") from None
    latest = following(floor(now, unit, zone), unit, zone)
    end = latest
    if until is not None:
        end = _moment("until", until, zone, now, latest)
        if _RELATIVE.fullmatch(until):
            end = following(floor(end, unit, zone), unit, zone)
    last = floor(end, unit, zone)
    if last < end:
        last = following(last, unit, zone)
    if since is None:
        edges = [back(last, _DEFAULT_BUCKETS[unit], unit, zone)]
    else:
        begin = _moment("since", since, zone, now, latest)
        if begin >= end:
            limit = f"{in_zone(end, zone)}, the end of this {unit} at the latest"
            raise PeriodError("since", f"Must be before until ({limit}).")
        edges = [floor(begin, unit, zone)]
    while edges[-1] < last:
        if len(edges) > MAX_BUCKETS:
            advice = "Use a shorter period or a longer interval."
            raise PeriodError("since", f"At most {MAX_BUCKETS} {unit}s before until. {advice}")
        edges.append(following(edges[-1], unit, zone))
    return Period(unit, zone, tuple(edges))


def _zone(name: str) -> ZoneInfo:
    if not isinstance(name, str) or name not in _zone_names():
        raise PeriodError("timezone", "Must be an IANA time zone, such as UTC or Europe/Berlin.")
    return ZoneInfo(name)


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime"})  # Debian's name for its own clock


def _moment(field: str, text: str, zone: ZoneInfo, now: datetime, latest: datetime) -> datetime:
    """An instant in UTC, not after `latest`."""
    text = text if isinstance(text, str) else ""
    if relative := _RELATIVE.fullmatch(text):
        return _before(now, int(relative[1]), relative[2].lower(), field, zone)
    try:
        found = parse_moment(text)
    except ValueError:
        raise PeriodError(
            field,
            f"Must be {MOMENT}; or a number of hours, days or weeks before now: -24h, -7d or -4w.",
        ) from None
    moment = found if isinstance(found, datetime) else datetime.combine(found, time.min)
    if moment.year < FIRST_YEAR:
        raise _TooEarlyError(field)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    if moment >= latest:  # Compared as it is: a conversion would overflow in the year 9999.
        return latest
    return moment.astimezone(UTC) if isinstance(found, datetime) else start_of(found, zone)


def _before(now: datetime, number: int, unit: str, field: str, zone: ZoneInfo) -> datetime:
    """Return the instant so many hours before now, or the same local time on an earlier date."""
    try:
        if unit == "h":
            moment = now - timedelta(hours=number)
        else:
            days = timedelta(days=number if unit == "d" else 7 * number)
            moment = (now.astimezone(zone) - days).astimezone(UTC)
    except OverflowError:
        raise _TooEarlyError(field) from None
    if moment.year < FIRST_YEAR:
        raise _TooEarlyError(field)
    return moment
