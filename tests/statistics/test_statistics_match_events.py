"""The statistics compared with a recount of the events in separate SQL."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from library.models import Clip
from library.statistics.buckets import QUARTER, Interval
from library.statistics.clip import clip_statistics
from library.statistics.library import library_statistics
from library.statistics.orders import ALL_TIME
from library.statistics.period import Period, parse_period
from tests.support.plays import seed_plays

ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York")
WINDOWS = {
    "last_24_hours": timedelta(hours=24),
    "last_7_days": timedelta(days=7),
    "last_30_days": timedelta(days=30),
}
# These include the nights in which Berlin and New York set their clocks back.
SINCE, UNTIL = datetime(2025, 9, 20, tzinfo=UTC), datetime(2025, 11, 20, tzinfo=UTC)
NIGHTS = (datetime(2025, 10, 25, 20, tzinfo=UTC), datetime(2025, 11, 2, 2, tzinfo=UTC))


@pytest.fixture
def autumn(db: None) -> list[Clip]:
    """Plays of two months, many in the days of 25 hours, some exactly on the edges of buckets."""

    def moment(dice: random.Random) -> datetime:
        if dice.random() < 0.5:
            return SINCE + dice.random() * (UNTIL - SINCE)
        edge = dice.choice(NIGHTS) + dice.randrange(40) * QUARTER
        return edge + dice.choice((timedelta(0), timedelta(microseconds=-1), timedelta(minutes=7)))

    return seed_plays(500, moment)


@pytest.fixture
def lately(db: None) -> list[Clip]:
    """Plays of the last 70 days, more of them recently, none in the quarter that may end now."""
    latest = timezone.now() - QUARTER
    return seed_plays(300, lambda dice: latest - timedelta(days=70) * dice.random() ** 4)


def query(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def counted(condition: str, *values: Any) -> int:
    count: int = query(f"SELECT count(*) FROM library_playevent WHERE {condition}", *values)[0][0]
    return count


def shown(clip: Clip, period: Period, now: datetime) -> dict[str, Any]:
    found = clip_statistics(clip.pk, period, now)
    assert found is not None
    return found


def statistics_of(
    clip: Clip, interval: str = "day", zone: str = "UTC", since: str | None = None
) -> dict[str, Any]:
    period = parse_period(interval, since, "2025-11-16", zone, timezone.now())
    return shown(clip, period, timezone.now())


@pytest.mark.parametrize("zone", ZONES)
def test_series_equals_the_buckets_of_date_trunc(autumn: list[Clip], zone: str) -> None:
    for interval in Interval:
        since = "2025-10-20" if interval == "hour" else "2025-09-25"
        result = statistics_of(autumn[0], interval, zone, since)
        recounted = query(
            "SELECT date_trunc(%s, played_at, %s) AS start, count(*) FROM library_playevent"
            " WHERE clip_id = %s AND played_at >= %s AND played_at < %s GROUP BY 1 ORDER BY 1",
            *(interval, zone, autumn[0].pk, result["period"]["since"], result["period"]["until"]),
        )
        series = [(datetime.fromisoformat(b["start"]), b["plays"]) for b in result["series"]]
        assert [bucket for bucket in series if bucket[1]] == recounted
        assert result["period"]["plays"] == sum(plays for _, plays in recounted) > 50


@pytest.mark.parametrize("zone", ZONES)
def test_series_has_a_bucket_for_each_interval_of_the_local_clock(
    autumn: list[Clip], zone: str
) -> None:
    for interval in ("day", "week", "month"):
        result = statistics_of(autumn[3], interval, zone, "2025-09-25")
        steps = query(
            "SELECT generate_series(%s::timestamptz, %s::timestamptz - interval '1 hour',"
            " %s::interval, %s)",
            *(result["period"]["since"], result["period"]["until"], f"1 {interval}", zone),
        )
        starts = [datetime.fromisoformat(bucket["start"]) for bucket in result["series"]]
        assert starts == [start for (start,) in steps]
        assert {bucket["plays"] for bucket in result["series"]} == {0}


@pytest.mark.parametrize("zone", ZONES)
def test_previous_period_has_the_same_number_of_local_days(autumn: list[Clip], zone: str) -> None:
    period = statistics_of(autumn[0], "day", zone, "2025-10-20")["period"]
    before = counted(
        "clip_id = %s AND played_at AT TIME ZONE %s >= '2025-09-23' AND"
        " played_at AT TIME ZONE %s < '2025-10-20'",
        *(autumn[0].pk, zone, zone),
    )
    assert period["plays_before"] == before > 0
    assert period["change"] == pytest.approx(period["plays"] / before - 1, abs=1e-4)


def test_play_count_and_first_and_last_play_equal_the_events(autumn: list[Clip]) -> None:
    for clip in autumn:
        result = statistics_of(clip)
        (recounted,) = query(
            "SELECT count(*), min(played_at), max(played_at) FROM library_playevent"
            " WHERE clip_id = %s",
            clip.pk,
        )
        names = ("play_count", "first_played_at", "last_played_at")
        assert tuple(result[name] for name in names) == recounted


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_audience_covers_the_utc_days_that_the_period_overlaps(
    autumn: list[Clip], zone: str
) -> None:
    result = statistics_of(autumn[0], "day", zone, "2025-10-26")
    days = result["audience_days"]
    assert str(days["since"]) == ("2025-10-26" if zone == "UTC" else "2025-10-25")
    recounted = query(
        "SELECT (played_at AT TIME ZONE 'UTC')::date, client, referrer, listener"
        " FROM library_playevent WHERE clip_id = %s"
        " AND (played_at AT TIME ZONE 'UTC')::date BETWEEN %s AND %s",
        *(autumn[0].pk, days["since"], days["until"]),
    )
    assert (
        result["unique_listeners"]
        == len({(day, listener) for day, _, _, listener in recounted})
        > 5
    )
    for name, column in (("client", 1), ("referrer", 2)):
        values = [row[column] for row in recounted]
        assert {each[name]: (each["plays"], each["share"]) for each in result[f"{name}s"]} == {
            value: (values.count(value), round(values.count(value) / len(values), 4))
            for value in values
        }


def test_completion_counts_the_plays_of_the_period_with_a_known_outcome(autumn: list[Clip]) -> None:
    result = statistics_of(autumn[0], "day", "Asia/Kolkata", "2025-10-20")
    (recounted,) = query(
        "SELECT count(completed), count(*) FILTER (WHERE completed), sum(bytes_sent)::bigint"
        " FROM library_playevent WHERE clip_id = %s AND played_at >= %s AND played_at < %s",
        *(autumn[0].pk, result["period"]["since"], result["period"]["until"]),
    )
    names = ("ended", "completed", "bytes_sent")
    assert tuple(result["completion"][name] for name in names) == recounted
    assert result["completion"]["share"] == round(recounted[1] / recounted[0], 4)


@pytest.mark.parametrize("window", WINDOWS)
def test_windows_and_ranks_equal_the_events(lately: list[Clip], window: str) -> None:
    length = WINDOWS[window]
    for clip in lately:
        result = statistics_of(clip)
        trend = result["trends"][window]
        since = trend["since"]
        now, before = (
            dict(
                query(
                    "SELECT clip_id, count(*) FROM library_playevent"
                    " WHERE played_at >= %s AND played_at < %s GROUP BY 1",
                    *(start, start + length + (QUARTER if start == since else timedelta(0))),
                )
            )
            for start in (since, since - length)
        )
        assert timedelta(0) <= result["as_of"] - length - since < QUARTER
        assert (trend["plays"], trend["plays_before"]) == (
            now.get(clip.pk, 0),
            before.get(clip.pk, 0),
        )
        assert result["plays"][window] == trend["plays"]
        for rank, counts in ((trend["rank"], now), (trend["rank_before"], before)):
            more = sum(count > counts.get(clip.pk, 0) for count in counts.values())
            assert rank == (more + 1 if clip.pk in counts else None)


def test_library_statistics_are_the_sum_of_the_clips(lately: list[Clip]) -> None:
    now = timezone.now()
    period = parse_period("day", None, None, "Europe/Berlin", now)
    result = library_statistics(period, ALL_TIME, 10, now)
    each = [shown(clip, period, now) for clip in lately]
    assert (result["clips"], result["play_count"]) == (4, counted("true"))
    assert result["plays"] == {
        window: sum(clip["plays"][window] for clip in each) for window in WINDOWS
    }
    assert [bucket["plays"] for bucket in result["series"]] == [
        sum(clip["series"][day]["plays"] for clip in each) for day in range(30)
    ]
    assert result["period"]["plays_before"] == sum(c["period"]["plays_before"] for c in each)


@pytest.mark.parametrize("window", [*WINDOWS, ALL_TIME])
def test_top_clips_are_the_most_played_of_the_window(lately: list[Clip], window: str) -> None:
    now = timezone.now()
    result = library_statistics(parse_period(None, None, None, None, now), window, 2, now)
    since = result["trends"][window]["since"] if window in WINDOWS else now - timedelta(days=999)
    recounted = query(
        "SELECT clip_id, count(*) FROM library_playevent WHERE played_at >= %s"
        " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2",
        since,
    )
    assert [(clip["id"], clip["plays"]) for clip in result["top"]["clips"]] == recounted
