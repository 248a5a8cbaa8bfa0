"""Parsing the period of statistics, and dividing it into buckets."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from library.statistics.buckets import QUARTER, Interval
from library.statistics.period import Period, PeriodError, parse_period

NOW = datetime(2024, 10, 7, 12, 7, tzinfo=UTC)  # a Monday
FAR_FUTURE = datetime(2040, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

intervals = st.sampled_from(Interval)
zones = st.sampled_from(sorted(available_timezones() - {"localtime"}))
days = st.dates(date(2012, 1, 1), date(2036, 1, 1))
lengths = st.integers(1, 40)
minutes = st.integers(22_100_000, 34_700_000)  # since 1970: from 2012 until 2035
moments = st.text() | st.from_regex(
    r"\d{4}-[01]\d-[0-3]\d([T ][012]\d:\d\d([+ -][012]\d:\d\d|Z)?)?", fullmatch=True
)


def parse(
    interval: str | None = None,
    since: str | None = None,
    until: str | None = None,
    timezone: str | None = None,
    now: datetime = NOW,
) -> Period:
    return parse_period(interval, since, until, timezone, now)


def window(interval: str, since: date, length: int, timezone: str) -> Period:
    until = since + timedelta(days=length)
    return parse(interval, since.isoformat(), until.isoformat(), timezone, FAR_FUTURE)


def bucket_lengths(period: Period) -> list[timedelta]:
    return [end - start for start, end in zip(period.edges, period.edges[1:], strict=False)]


def starts(period: Period) -> list[str]:
    return [start.isoformat(timespec="minutes") for start in period.starts()]


@settings(deadline=None)
@given(intervals, days, lengths, zones)
def test_bucket_edges_increase_and_are_whole_quarters(
    interval: Interval, since: date, length: int, zone: str
) -> None:
    period = window(interval, since, length, zone)
    assert all(each > timedelta(0) for each in bucket_lengths(period))
    assert not any(edge.minute % 15 or edge.second or edge.microsecond for edge in period.edges)


@settings(deadline=None)
@given(days, lengths, zones)
def test_day_contains_only_the_quarters_of_its_date(since: date, length: int, zone: str) -> None:
    period = window("day", since, length, zone)
    for start, size in zip(period.starts(), bucket_lengths(period), strict=True):
        quarters = (start.astimezone(UTC) + QUARTER * i for i in range(size // QUARTER))
        assert {quarter.astimezone(period.zone).date() for quarter in quarters} == {start.date()}
    assert len(period.starts()) == length


@settings(deadline=None)
@given(days, lengths, zones)
def test_hours_add_up_to_days(since: date, length: int, zone: str) -> None:
    in_days, in_hours = (window(unit, since, length, zone) for unit in ("day", "hour"))
    assert set(in_days.edges) <= set(in_hours.edges)
    assert (in_days.since, in_days.until) == (in_hours.since, in_hours.until)


@settings(deadline=None)
@given(intervals, days, lengths, zones)
def test_previous_window_has_as_many_buckets_and_ends_where_the_period_begins(
    interval: Interval, day: date, length: int, zone: str
) -> None:
    period = window(interval, day, length, zone)
    since, until = period.before
    previous = parse(interval, since.isoformat(), until.isoformat(), zone, FAR_FUTURE)
    assert (previous.since, previous.until) == (since, period.since)
    assert len(previous.edges) == len(period.edges)


@settings(deadline=None)
@given(intervals, st.datetimes(datetime(2001, 1, 1), datetime(2036, 1, 1)), zones)  # noqa: DTZ001
def test_period_widens_to_the_buckets_that_contain_its_ends(
    interval: Interval, moment: datetime, zone: str
) -> None:
    since = moment.replace(tzinfo=UTC)
    until = since + timedelta(days=20)
    period = parse(interval, since.isoformat(), until.isoformat(), zone, FAR_FUTURE)
    assert period.since <= since < period.edges[1]
    assert period.edges[-2] < until <= period.until


@settings(deadline=None)
@given(moments, moments, zones | st.text())
def test_any_input_gives_a_period_or_a_period_error(since: str, until: str, zone: str) -> None:
    with suppress(PeriodError):
        assert parse("month", since, until, zone).length > timedelta(0)


@pytest.mark.parametrize(
    ("zone", "day", "start", "hours"),
    [
        ("Europe/Berlin", "2024-03-31", "2024-03-31T00:00+01:00", 23),
        ("Europe/Berlin", "2024-10-27", "2024-10-27T00:00+02:00", 25),
        ("America/New_York", "2024-11-03", "2024-11-03T00:00-04:00", 25),
        ("Asia/Kolkata", "2024-03-31", "2024-03-31T00:00+05:30", 24),
        ("Asia/Calcutta", "2024-03-31", "2024-03-31T00:00+05:30", 24),  # Chrome's name for it
        ("Australia/Lord_Howe", "2024-04-07", "2024-04-07T00:00+11:00", 24.5),
        ("Australia/Lord_Howe", "2024-10-06", "2024-10-06T00:00+10:30", 23.5),
        (
            "Africa/Cairo",
            "2024-04-26",
            "2024-04-26T01:00+03:00",
            23,
        ),  # the day begins at one o'clock
        ("America/Havana", "2024-03-10", "2024-03-10T01:00-04:00", 23),
        ("America/Havana", "2024-11-03", "2024-11-03T00:00-04:00", 25),  # midnight comes twice
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00-02:00", 23),
        ("America/Sao_Paulo", "2018-02-17", "2018-02-17T00:00-02:00", 25),
        # The clock went back at 00:01: one minute of the 29th, then from 23:01 of the 28th again.
        ("America/St_Johns", "2006-10-28", "2006-10-28T00:00-02:30", 25),
        ("America/St_Johns", "2006-10-29", "2006-10-29T00:00-03:30", 24),
    ],
)
def test_day_follows_the_local_clock(zone: str, day: str, start: str, hours: float) -> None:
    period = window("day", date.fromisoformat(day), 1, zone)
    assert starts(period) == [start]
    assert period.length == hours * HOUR


def test_minute_before_the_clock_goes_back_past_midnight_belongs_to_the_day_before() -> None:
    period = parse("day", "2006-10-29T00:00-02:30", "2006-10-29T12:00", "America/St_Johns")
    assert starts(period) == ["2006-10-28T00:00-02:30", "2006-10-29T00:00-03:30"]


def test_repeated_hour_is_two_buckets() -> None:
    period = parse(
        "hour", "2024-10-27T02:00+02:00", "2024-10-27T03:00+01:00", "Europe/Berlin", FAR_FUTURE
    )
    assert starts(period) == ["2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00"]


def test_skipped_hour_has_no_bucket() -> None:
    period = parse("hour", "2024-03-31T01:00", "2024-03-31T04:00", "Europe/Berlin")
    assert starts(period) == ["2024-03-31T01:00+01:00", "2024-03-31T03:00+02:00"]


def test_hours_begin_on_the_local_hour() -> None:
    period = parse("hour", "2024-03-31T00:10Z", "2024-03-31T01:10Z", "Asia/Kathmandu")
    assert starts(period) == ["2024-03-31T05:00+05:45", "2024-03-31T06:00+05:45"]


@pytest.mark.parametrize(("day", "buckets"), [(date(2024, 4, 7), 24), (date(2024, 10, 6), 23)])
def test_half_hour_of_summer_time_joins_a_neighbouring_bucket(day: date, buckets: int) -> None:
    hours = bucket_lengths(window("hour", day, 1, "Australia/Lord_Howe"))
    assert sorted(hours) == [HOUR] * (buckets - 1) + [1.5 * HOUR]


def test_date_skipped_by_a_zone_has_no_bucket() -> None:
    period = window("day", date(2011, 12, 29), 3, "Pacific/Apia")
    assert starts(period) == ["2011-12-29T00:00-10:00", "2011-12-31T00:00+14:00"]
    assert bucket_lengths(period) == [24 * HOUR] * 2


def test_previous_window_skips_a_skipped_date() -> None:
    since, _ = window("day", date(2011, 12, 31), 2, "Pacific/Apia").before
    assert since == datetime(2011, 12, 28, 10, tzinfo=UTC)


def test_previous_window_begins_at_local_midnight_across_summer_time() -> None:
    period = window("day", date(2024, 3, 31), 7, "Europe/Berlin")
    assert period.before[0] == datetime(2024, 3, 23, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("interval", "since", "until", "buckets"),
    [
        ("hour", "2024-10-06T13:00", "2024-10-07T13:00", 24),
        (None, "2024-09-08", "2024-10-08", 30),
        ("week", "2024-07-22", "2024-10-14", 12),
        ("month", "2023-11-01", "2024-11-01", 12),
    ],
)
def test_default_period_ends_with_the_current_bucket(
    interval: str | None, since: str, until: str, buckets: int
) -> None:
    period = parse(interval)
    assert period.since == datetime.fromisoformat(since).replace(tzinfo=UTC)
    assert period.until == datetime.fromisoformat(until).replace(tzinfo=UTC)
    assert len(period.starts()) == buckets


@pytest.mark.parametrize(
    "since",
    [
        "2024-09-01",
        "2024-09-01T00:00",
        "2024-08-31T22:00:00Z",
        "2024-08-31t22:00:00.123456789z",
        "2024-09-01T00:00:00+02:00",
        "2024-09-01T00:00:00 02:00",  # an unescaped plus
    ],
)
def test_since_accepts_dates_and_date_times_in_several_notations(since: str) -> None:
    period = parse("hour", since, "2024-09-02", "Europe/Berlin")
    assert period.since == datetime(2024, 8, 31, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("interval", "since", "until", "first", "end"),
    [
        # It is 12:07 on Monday, 7 October, in UTC.
        ("hour", "-1h", None, "2024-10-07T11:00", "2024-10-07T13:00"),
        ("hour", "-24h", "-1h", "2024-10-06T12:00", "2024-10-07T12:00"),
        ("day", "-7d", None, "2024-09-30T00:00", "2024-10-08T00:00"),
        ("day", "-7d", "-1d", "2024-09-30T00:00", "2024-10-07T00:00"),
        ("day", "-1d", "-1d", "2024-10-06T00:00", "2024-10-07T00:00"),
        ("day", "-0d", None, "2024-10-07T00:00", "2024-10-08T00:00"),
        ("day", "-1w", "2024-10-02", "2024-09-30T00:00", "2024-10-02T00:00"),
        ("week", "-4W", "-1W", "2024-09-09T00:00", "2024-10-07T00:00"),
        ("month", "-400D", "-0H", "2023-09-01T00:00", "2024-11-01T00:00"),
    ],
)
def test_relative_times_name_the_buckets_that_contain_them(
    interval: str, since: str, until: str | None, first: str, end: str
) -> None:
    period = parse(interval, since, until)
    edges = [datetime.fromisoformat(edge).replace(tzinfo=UTC) for edge in (first, end)]
    assert [period.since, period.until] == edges


def test_days_ago_have_the_same_local_time_and_hours_ago_do_not() -> None:
    after_the_change = datetime(2024, 10, 27, 22, 30, tzinfo=UTC)  # 23:30 in Berlin
    days, hours = (
        parse("hour", since, None, "Europe/Berlin", after_the_change) for since in ("-1d", "-24h")
    )
    assert starts(days)[0] == "2024-10-26T23:00+02:00"
    assert starts(hours)[0] == "2024-10-27T00:00+02:00"


@settings(deadline=None)
@given(intervals, st.integers(0, 100), st.sampled_from("hdw"), zones, minutes)
def test_relative_times_equal_absolute_ones(
    interval: str, number: int, unit: str, zone: str, minute: int
) -> None:
    now = datetime.fromtimestamp(minute * 60, UTC)
    if unit == "h":
        then = now - number * HOUR
    else:
        days = timedelta(days=number * (7 if unit == "w" else 1))
        then = (now.astimezone(ZoneInfo(zone)) - days).astimezone(UTC)
    relative = parse(interval, f"-{number}{unit}", f"-{number}{unit}", zone, now)
    assert relative.since <= then < relative.until
    assert len(relative.starts()) == 1


@pytest.mark.parametrize("until", ["2024-12-31", "9999-12-31", "9999-12-31T23:59:59-23:59"])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Niue"])
def test_until_is_limited_to_the_current_bucket(until: str, zone: str) -> None:
    assert parse(until=until, timezone=zone).until == parse(timezone=zone).until


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"interval": "year"}, "interval: Must be one of hour, day, week, month."),
        ({"timezone": ""}, "timezone: Must be an IANA time zone"),
        ({"timezone": "../../etc/passwd"}, "timezone: Must"),
        ({"timezone": "UTC\0"}, "timezone: Must"),
        ({"timezone": "localtime"}, "timezone: Must"),
        ({"timezone": "x" * 10_000}, "timezone: Must"),
        ({"timezone": []}, "timezone: Must"),
        ({"since": ""}, "since: Must be a date or an RFC 3339 date-time"),
        ({"since": 5}, "since: Must be a date"),
        ({"since": "2024-02-30"}, "since: Must be a date"),
        ({"since": "2024-01-01T00:00+24:00"}, "since: Must be a date"),
        ({"until": "٢٠٢٦-01-01"}, "until: Must be a date"),
        ({"since": "1999-12-31"}, "since: Must be 2000-01-01 or later."),
        ({"since": "-25y"}, "since: Must be a date"),
        ({"since": "-\u0667d"}, "since: Must be a date"),
        ({"until": "-30m"}, "until: Must be a date"),
        ({"since": "-9999d"}, "since: Must be 2000-01-01 or later."),
        ({"since": "-999999w"}, "since: Must be 2000-01-01 or later."),
        ({"since": "-999999h"}, "since: Must be 2000-01-01 or later."),
        ({"since": "-1d", "until": "-2d"}, "since: Must be before until"),
        ({"until": "0001-01-01T00:00:00+23:59"}, "until: Must be 2000"),
        ({"since": "2024-09-02", "until": "2024-09-02"}, "since: Must be before until"),
        ({"since": "2024-09-02T12:00", "until": "2024-09-02T11:00"}, "since: Must be before"),
        ({"since": "9999-12-31", "until": "9999-12-31T12:00"}, "since: Must be before"),
        ({"interval": "hour", "since": "2024-01-01"}, "since: At most 1000 hours"),
    ],
)
def test_invalid_parameter_is_refused_with_the_allowed_values(
    parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(PeriodError) as refused:
        parse(**parameters)
    assert str(refused.value).startswith(message)


def test_thousand_buckets_are_allowed_and_one_more_is_not() -> None:
    assert len(window("day", date(2020, 7, 1), 1000, "Europe/Berlin").starts()) == 1000
    with pytest.raises(PeriodError):
        window("day", date(2020, 7, 1), 1001, "Europe/Berlin")
