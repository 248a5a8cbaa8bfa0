"""The statistics of random plays and periods, compared with a plain count of the plays."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from django.utils import timezone

from library.models import Client, Clip, PlayEvent
from library.statistics.audience import Audience
from library.statistics.buckets import QUARTER, Interval, quarter_of
from library.statistics.clip import clip_statistics
from library.statistics.clips import COLUMNS, clips_statistics
from library.statistics.library import library_statistics
from library.statistics.orders import ALL_TIME
from library.statistics.period import Period, parse_period
from library.statistics.windows import WINDOWS
from tests.support.plays import add_events
from tests.support.recipes import linked_clip, play

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
    events: list[Event] = []
    prepared: list[PlayEvent] = []
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
            prepared += (play.prepare(clip=clip, played_at=time, **fields) for time in times)
            events += [Event(clip.pk, time, **fields) for time in times]
    add_events(prepared)
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


def of_people(events: list[Event]) -> list[Event]:
    return [event for event in events if event.client in ("browser", "player", "app")]


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


def check_period(
    found: dict[str, Any], events: list[Event], period: Period, audience: Audience
) -> None:
    """Compare the series and the sums of the period with the events."""
    pairs = [*zip(period.edges, period.edges[1:], strict=False)]
    people = of_people(events)
    plays = [number(events, since, until) for since, until in pairs]
    assert [bucket["plays"] for bucket in found["series"]] == plays
    by_people = [number(people, since, until) for since, until in pairs]
    assert [bucket["people"] for bucket in found["series"]] == by_people
    starts = [datetime.fromisoformat(bucket["start"]) for bucket in found["series"]]
    # In UTC, because Python takes no time of an hour that comes twice for equal to another zone's.
    assert [start.astimezone(UTC) for start in starts] == [
        start.astimezone(UTC) for start in period.starts()
    ]
    check_compared(found["period"], events, period, audience)


def check_compared(
    found: dict[str, Any], events: list[Event], period: Period, audience: Audience
) -> None:
    """Compare the sums of a period with the events."""
    people = of_people(events)
    plays = number(events, period.since, period.until)
    before = number(events, *period.before)
    assert (found["plays"], found["plays_before"]) == (plays, before)
    by_people = number(people, period.since, period.until)
    people_before = number(people, *period.before)
    assert (found["people"], found["people_before"]) == (by_people, people_before)
    if audience is Audience.PEOPLE:
        plays, before = by_people, people_before
    assert found["change"] == (round(plays / before - 1, 4) if before else None)


def check_clip(
    found: dict[str, Any], clip: int, by_clip: dict[int, list[Event]], now: datetime, by: Audience
) -> None:
    """Compare the totals, windows and ranks of a clip with the events of all clips."""
    own, people = by_clip[clip], of_people(by_clip[clip])
    assert (found["play_count"], found["people_count"]) == (len(own), len(people))
    times = [event.time for event in own]
    assert (found["first_played_at"], found["last_played_at"]) == (min(times), max(times))
    recent, recent_people = windows(own, now), windows(people, now)
    assert found["plays"] == {name: plays for name, (plays, _) in recent.items()}
    assert found["people"] == {name: plays for name, (plays, _) in recent_people.items()}
    chosen = of_people if by is Audience.PEOPLE else list
    ranked = {each: windows(chosen(events), now) for each, events in by_clip.items()}
    for name, trend in found["trends"].items():
        assert (trend["plays"], trend["plays_before"]) == recent[name]
        assert (trend["people"], trend["people_before"]) == recent_people[name]
        for key, place in (("rank", 0), ("rank_before", 1)):
            assert trend[key] == rank(
                clip, {each: found[name][place] for each, found in ranked.items()}
            )
    assert found["rank"] == rank(
        clip, {each: len(chosen(events)) for each, events in by_clip.items()}
    )


def rank(clip: int, counts: dict[int, int]) -> int | None:
    ahead = sum(count > counts[clip] for count in counts.values())
    return ahead + 1 if counts[clip] else None


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
        audience = dice.choice([*Audience])
        found = clip_statistics(clip, period, now, audience)
        assert found is not None
        check_period(found, own, period, audience)
        check_clip(found, clip, by_clip, now, audience)

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
        assert found["unique_people"] == unique_people(of_days)

        inside = [each for each in own if period.since <= each.time < period.until]
        ended = [each for each in inside if each.completed is not None]
        completed = sum(bool(each.completed) for each in ended)
        assert found["completion"] == {
            "ended": len(ended),
            "completed": completed,
            "bytes_sent": sum(each.bytes_sent or 0 for each in ended),
            "share": share(completed, len(ended)) if ended else None,
        }


def unique_people(events: list[Event]) -> int:
    """Return the number of listeners of each day whose first play was by people."""
    firsts: dict[tuple[date, UUID], Event] = {}
    for event in sorted(events, key=lambda event: event.time):
        firsts.setdefault((event.time.astimezone(UTC).date(), event.listener), event)
    return len(of_people([*firsts.values()]))


def test_statistics_of_many_clips_equal_a_count_of_the_plays(
    events: list[Event], dice: random.Random
) -> None:
    rows = Clip.objects.order_by("-pk").values(*COLUMNS)
    by_clip = {row["id"]: [event for event in events if event.clip == row["id"]] for row in rows}
    for _ in range(10):
        now = timezone.now()
        period, audience = some_period(dice, now), dice.choice([*Audience])
        with_series = dice.random() < 0.5
        found = clips_statistics(rows, period, now, audience, with_series=with_series)
        assert [clip["id"] for clip in found["clips"]] == [*by_clip]
        for clip in found["clips"]:
            own = by_clip[clip["id"]]
            check_clip(clip, clip["id"], by_clip, now, audience)
            check_compared(clip["period"], own, period, audience)
            alone = clip_statistics(clip["id"], period, now, audience)
            assert alone is not None
            for name in ("unique_listeners", "unique_people", "completion", "trends"):
                assert clip[name] == alone[name]
            assert clip["series"] == (alone["series"] if with_series else None)


def test_library_statistics_equal_a_count_of_the_plays(
    events: list[Event], dice: random.Random
) -> None:
    for _ in range(20):
        now = timezone.now()
        period = some_period(dice, now)
        audience = dice.choice([*Audience])
        found = library_statistics(period, ALL_TIME, 2, now, audience)
        check_period(found, events, period, audience)
        trends = {
            name: (trend["plays"], trend["plays_before"]) for name, trend in found["trends"].items()
        }
        assert trends == windows(events, now)
        people = of_people(events)
        assert (found["clips"], found["play_count"]) == (3, len(events))
        assert found["people_count"] == len(people)
        by_people = {name: trend["people"] for name, trend in found["trends"].items()}
        assert by_people == {name: plays for name, (plays, _) in windows(people, now).items()}
        assert found["people"] == by_people
        counts = Counter(event.clip for event in people)
        if audience is Audience.ALL:
            counts = Counter(event.clip for event in events)
        top = sorted(counts, key=lambda clip: (-counts[clip], clip))[:2]
        assert [(clip["rank"], clip["id"]) for clip in found["top"]["clips"]] == [
            (rank(clip, counts), clip) for clip in top
        ]
        for clip in found["top"]["clips"]:
            own = [event for event in events if event.clip == clip["id"]]
            assert (clip["plays"], clip["people"]) == (len(own), len(of_people(own)))
