"""Statistics against a recount of the events, in SQL of its own."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from library.models import Clip
from library.statistics.clip import clip_statistics
from library.statistics.library import ALL_TIME, library_statistics
from library.statistics.period import QUARTER, Interval, parse_period
from tests.support.plays import seed_plays

ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York")
WINDOWS = {
    "last_24_hours": timedelta(hours=24),
    "last_7_days": timedelta(days=7),
    "last_30_days": timedelta(days=30),
}
# Around the nights in which Berlin and New York set their clocks back.
SINCE, UNTIL = datetime(2025, 9, 20, tzinfo=UTC), datetime(2025, 11, 20, tzinfo=UTC)
NIGHTS = (datetime(2025, 10, 25, 20, tzinfo=UTC), datetime(2025, 11, 2, 2, tzinfo=UTC))


@pytest.fixture
def autumn(db: None) -> list[Clip]:
    """Plays of two months, many of them in the nights of 25 hours, some on the very edges."""

    def moment(dice: random.Random) -> datetime:
        if dice.random() < 0.5:
            return SINCE + dice.random() * (UNTIL - SINCE)
        edge = dice.choice(NIGHTS) + dice.randrange(40) * QUARTER
        return edge + dice.choice((timedelta(0), timedelta(microseconds=-1), timedelta(minutes=7)))

    return seed_plays(500, moment)


@pytest.fixture
def lately(db: None) -> list[Clip]:
    """Plays of the last 70 days, the nearer the more, none in the quarter that may end now."""
    latest = timezone.now() - QUARTER
    return seed_plays(300, lambda dice: latest - timedelta(days=70) * dice.random() ** 4)


def asked(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def counted(condition: str, *values: Any) -> int:
    count: int = asked(f"SELECT count(*) FROM library_playevent WHERE {condition}", *values)[0][0]
    return count


def told(
    clip: Clip, interval: str = "day", zone: str = "UTC", since: str | None = None
) -> dict[str, Any]:
    period = parse_period(interval, since, "2025-11-16", zone, timezone.now())
    return clip_statistics(clip, period, timezone.now())


@pytest.mark.parametrize("zone", ZONES)
def test_series_holds_what_postgresql_truncates_to_its_buckets(
    autumn: list[Clip], zone: str
) -> None:
    for interval in Interval:
        since = "2025-10-20" if interval == "hour" else "2025-09-25"
        found = told(autumn[0], interval, zone, since)
        recounted = asked(
            "SELECT date_trunc(%s, played_at, %s) AS start, count(*) FROM library_playevent"
            " WHERE clip_id = %s AND played_at >= %s AND played_at < %s GROUP BY 1 ORDER BY 1",
            *(interval, zone, autumn[0].pk, found["period"]["since"], found["period"]["until"]),
        )
        series = [(datetime.fromisoformat(b["start"]), b["plays"]) for b in found["series"]]
        assert [bucket for bucket in series if bucket[1]] == recounted
        assert found["period"]["plays"] == sum(plays for _, plays in recounted) > 50


@pytest.mark.parametrize("zone", ZONES)
def test_series_has_a_bucket_for_every_step_of_the_clock(autumn: list[Clip], zone: str) -> None:
    for interval in ("day", "week", "month"):
        found = told(autumn[3], interval, zone, "2025-09-25")
        steps = asked(
            "SELECT generate_series(%s::timestamptz, %s::timestamptz - interval '1 hour',"
            " %s::interval, %s)",
            *(found["period"]["since"], found["period"]["until"], f"1 {interval}", zone),
        )
        starts = [datetime.fromisoformat(bucket["start"]) for bucket in found["series"]]
        assert starts == [start for (start,) in steps]
        assert {bucket["plays"] for bucket in found["series"]} == {0}


@pytest.mark.parametrize("zone", ZONES)
def test_period_before_has_as_many_days_on_the_clock(autumn: list[Clip], zone: str) -> None:
    period = told(autumn[0], "day", zone, "2025-10-20")["period"]
    before = counted(
        "clip_id = %s AND played_at AT TIME ZONE %s >= '2025-09-23' AND"
        " played_at AT TIME ZONE %s < '2025-10-20'",
        *(autumn[0].pk, zone, zone),
    )
    assert period["plays_before"] == before > 0
    assert period["change"] == pytest.approx(period["plays"] / before - 1, abs=1e-4)


def test_counter_and_first_and_last_play_are_those_of_the_events(autumn: list[Clip]) -> None:
    for clip in autumn:
        found = told(clip)
        (recounted,) = asked(
            "SELECT count(*), min(played_at), max(played_at) FROM library_playevent"
            " WHERE clip_id = %s",
            clip.pk,
        )
        names = ("play_count", "first_played_at", "last_played_at")
        assert tuple(found[name] for name in names) == recounted


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_audience_is_that_of_the_utc_days_that_the_period_touches(
    autumn: list[Clip], zone: str
) -> None:
    found = told(autumn[0], "day", zone, "2025-10-26")
    days = found["audience_days"]
    assert str(days["since"]) == ("2025-10-26" if zone == "UTC" else "2025-10-25")
    recounted = asked(
        "SELECT (played_at AT TIME ZONE 'UTC')::date, client, referrer, listener"
        " FROM library_playevent WHERE clip_id = %s"
        " AND (played_at AT TIME ZONE 'UTC')::date BETWEEN %s AND %s",
        *(autumn[0].pk, days["since"], days["until"]),
    )
    assert found["unique_listeners"] == len({(day, who) for day, _, _, who in recounted}) > 5
    for name, column in (("client", 1), ("referrer", 2)):
        values = [row[column] for row in recounted]
        assert {each[name]: (each["plays"], each["share"]) for each in found[f"{name}s"]} == {
            value: (values.count(value), round(values.count(value) / len(values), 4))
            for value in values
        }


def test_completion_tells_the_plays_of_the_period_whose_end_is_known(autumn: list[Clip]) -> None:
    found = told(autumn[0], "day", "Asia/Kolkata", "2025-10-20")
    (recounted,) = asked(
        "SELECT count(completed), count(*) FILTER (WHERE completed), sum(bytes_sent)::bigint"
        " FROM library_playevent WHERE clip_id = %s AND played_at >= %s AND played_at < %s",
        *(autumn[0].pk, found["period"]["since"], found["period"]["until"]),
    )
    names = ("ended", "completed", "bytes_sent")
    assert tuple(found["completion"][name] for name in names) == recounted
    assert found["completion"]["share"] == round(recounted[1] / recounted[0], 4)


@pytest.mark.parametrize("window", WINDOWS)
def test_windows_and_ranks_are_those_of_the_events(lately: list[Clip], window: str) -> None:
    length = WINDOWS[window]
    for clip in lately:
        found = told(clip)
        trend = found["trends"][window]
        since = trend["since"]
        now, before = (
            dict(
                asked(
                    "SELECT clip_id, count(*) FROM library_playevent"
                    " WHERE played_at >= %s AND played_at < %s GROUP BY 1",
                    *(start, start + length + (QUARTER if start == since else timedelta(0))),
                )
            )
            for start in (since, since - length)
        )
        assert timedelta(0) <= found["as_of"] - length - since < QUARTER
        assert (trend["plays"], trend["plays_before"]) == (
            now.get(clip.pk, 0),
            before.get(clip.pk, 0),
        )
        assert found["plays"][window] == trend["plays"]
        for rank, counts in ((trend["rank"], now), (trend["rank_before"], before)):
            more = sum(count > counts.get(clip.pk, 0) for count in counts.values())
            assert rank == (more + 1 if clip.pk in counts else None)


def test_library_is_the_sum_of_its_clips(lately: list[Clip]) -> None:
    now = timezone.now()
    period = parse_period("day", None, None, "Europe/Berlin", now)
    found = library_statistics(period, ALL_TIME, 10, now)
    each = [clip_statistics(clip, period, now) for clip in lately]
    assert (found["clips"], found["play_count"]) == (4, counted("true"))
    assert found["plays"] == {
        window: sum(clip["plays"][window] for clip in each) for window in WINDOWS
    }
    assert [bucket["plays"] for bucket in found["series"]] == [
        sum(clip["series"][day]["plays"] for clip in each) for day in range(30)
    ]
    assert found["period"]["plays_before"] == sum(c["period"]["plays_before"] for c in each)


@pytest.mark.parametrize("window", [*WINDOWS, ALL_TIME])
def test_top_clips_are_the_most_played_of_the_window(lately: list[Clip], window: str) -> None:
    now = timezone.now()
    found = library_statistics(parse_period(None, None, None, None, now), window, 2, now)
    since = found["trends"][window]["since"] if window in WINDOWS else now - timedelta(days=999)
    recounted = asked(
        "SELECT clip_id, count(*) FROM library_playevent WHERE played_at >= %s"
        " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2",
        since,
    )
    assert [(clip["id"], clip["plays"]) for clip in found["top"]["clips"]] == recounted
