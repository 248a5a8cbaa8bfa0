"""The statistics of random plays and periods, compared with a plain count of the plays."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from django.utils import timezone

from library.models import Client, Clip
from library.statistics.buckets import QUARTER, Interval, quarter_of
from library.statistics.clip import clip_statistics
from library.statistics.library import library_statistics
from library.statistics.period import Period, parse_period
from library.statistics.ranking import ALL_TIME
from library.statistics.windows import WINDOWS
from tests.support.plays import add_plays
from tests.support.recipes import linked_clip

ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia")
HOSTS = ("", *(f"blog{n}.example" for n in range(25)))  # more than an answer lists
DAYS = 100


class Event(NamedTuple):
    """A play, as the test keeps it."""

    clip: int
    time: datetime
    client: str
    referrer: str
    listener: UUID
    completed: bool | None
    bytes_sent: int | None


@pytest.fixture(params=[0, *(pytest.param(seed, marks=pytest.mark.proof) for seed in range(1, 6))])
def dice(request: pytest.FixtureRequest) -> random.Random:
    """The source of randomness; each number gives the same plays and periods."""
    return random.Random(request.param)


@pytest.fixture
def events(dice: random.Random, db: None) -> list[Event]:
    """Plays of three clips in the last hundred days, some exactly at the start of a quarter.

    None is in the quarter that may end now.
    """
    latest = timezone.now() - QUARTER
    events = []
    for clip in linked_clip.make(_quantity=3):
        for _ in range(40):
            times = [latest - timedelta(days=DAYS) * dice.random() ** 3 for _ in range(5)]
            times = [quarter_of(time) if dice.random() < 0.2 else time for time in times]
            completed = dice.choice((None, True, False))
            fields: dict[str, Any] = {
                "client": dice.choice(Client.values),
                "referrer": dice.choice(HOSTS),
                "listener": UUID(int=dice.randrange(1, 4)),
                "completed": completed,
                "bytes_sent": None if completed is None else dice.randrange(1_000_000),
            }
            add_plays(clip, times, **fields)
            events += [Event(clip.pk, time, **fields) for time in times]
    return events


def some_period(dice: random.Random, now: datetime) -> Period:
    """Return a period that may begin before the first play."""
    interval = dice.choice([*Interval])
    until = now - timedelta(days=DAYS) * dice.random()
    longest = 40 if interval is Interval.HOUR else DAYS
    since = until - timedelta(days=longest) * dice.random()
    zone = dice.choice(ZONES)
    if dice.random() < 0.3:
        return parse_period(interval, None, None, zone, now)
    return parse_period(interval, since.isoformat(), until.isoformat(), zone, now)


def share(count: int, total: int) -> float:
    return round(count / total, 4)


def shares(name: str, values: list[str]) -> list[dict[str, Any]]:
    ordered = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
    return [
        {name: value, "plays": count, "share": share(count, len(values))}
        for value, count in ordered
    ]


def number(events: list[Event], since: datetime, until: datetime) -> int:
    return sum(since <= event.time < until for event in events)


def windows(events: list[Event], now: datetime) -> dict[str, tuple[int, int]]:
    """Return the plays of each window and of the one before it."""
    starts = {window: now - window.length - (now - quarter_of(now)) for window in WINDOWS}
    return {
        window.name: (
            number(events, since, now),
            number(events, since - window.length, since),
        )
        for window, since in starts.items()
    }


def check_period(found: dict[str, Any], events: list[Event], period: Period) -> None:
    """Compare the series and the sums of the period with the events."""
    pairs = zip(period.edges, period.edges[1:], strict=False)
    plays = [number(events, since, until) for since, until in pairs]
    assert [bucket["plays"] for bucket in found["series"]] == plays
    starts = [datetime.fromisoformat(bucket["start"]) for bucket in found["series"]]
    # In UTC, because Python takes no time of an hour that comes twice for equal to another zone's.
    assert [start.astimezone(UTC) for start in starts] == [
        start.astimezone(UTC) for start in period.starts()
    ]
    assert found["period"]["plays"] == sum(plays)
    before = number(events, *period.before)
    assert found["period"]["plays_before"] == before
    change = round(sum(plays) / before - 1, 4) if before else None
    assert found["period"]["change"] == change


def test_clip_statistics_equal_a_count_of_the_plays(
    events: list[Event], dice: random.Random
) -> None:
    clips = {event.clip for event in events}
    by_clip = {clip: [event for event in events if event.clip == clip] for clip in clips}
    for _ in range(20):
        now = timezone.now()
        period = some_period(dice, now)
        clip = dice.choice(sorted(clips))
        own = by_clip[clip]
        found = clip_statistics(clip, period, now)
        assert found is not None
        check_period(found, own, period)

        days = found["audience_days"]
        of_days = [
            each
            for each in own
            if days["since"] <= each.time.astimezone(UTC).date() <= days["until"]
        ]
        assert found["clients"] == shares("client", [each.client for each in of_days])
        assert found["referrers"] == shares("referrer", [each.referrer for each in of_days])[:20]
        firsts = {(each.time.astimezone(UTC).date(), each.listener) for each in of_days}
        assert found["unique_listeners"] == len(firsts)

        inside = [each for each in own if period.since <= each.time < period.until]
        ended = [each for each in inside if each.completed is not None]
        completed = sum(bool(each.completed) for each in ended)
        assert found["completion"] == {
            "ended": len(ended),
            "completed": completed,
            "bytes_sent": sum(each.bytes_sent or 0 for each in ended),
            "share": share(completed, len(ended)) if ended else None,
        }

        recent = {each: windows(by_clip[each], now) for each in clips}
        for name, trend in found["trends"].items():
            assert (trend["plays"], trend["plays_before"]) == recent[clip][name]
            for key, place in (("rank", 0), ("rank_before", 1)):
                counts = [recent[each][name][place] for each in clips]
                own_count = recent[clip][name][place]
                ahead = sum(count > own_count for count in counts)
                assert trend[key] == (ahead + 1 if own_count else None)
        assert found["rank"] == 1  # all have equally many


def test_library_statistics_equal_a_count_of_the_plays(
    events: list[Event], dice: random.Random
) -> None:
    for _ in range(20):
        now = timezone.now()
        period = some_period(dice, now)
        found = library_statistics(period, ALL_TIME, 2, now)
        check_period(found, events, period)
        trends = {
            name: (trend["plays"], trend["plays_before"]) for name, trend in found["trends"].items()
        }
        assert trends == windows(events, now)
        assert (found["clips"], found["play_count"]) == (3, len(events))
        top = Clip.objects.order_by("pk")[:2]  # all have equally many
        assert [(clip["rank"], clip["id"]) for clip in found["top"]["clips"]] == [
            (1, clip.pk) for clip in top
        ]
