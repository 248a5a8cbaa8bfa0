"""Comparing the counters, tallies and events of plays, and repairing differences."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
import requests
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from harness.service import Server
from library.models import Client, Clip, PlayEvent, PlayTally
from library.plays import partitions
from tests.support.plays import add_plays, every

Http = Callable[..., requests.Response]
BEGIN = datetime(2025, 6, 30, 23, 0, tzinfo=UTC)  # plays on both sides of a month's end
AGREED = "Counters, tallies and events agree.\n"
DAMAGES = {
    "UPDATE library_clip SET play_count = play_count + 1": "library_clip ({clip}): kept 7, 2025",
    "UPDATE library_clip SET play_count = 0": "library_clip ({clip}): kept 0, 2025",
    "UPDATE library_clip SET last_played_at = now()": "library_clip ({clip}): kept 6, 2025",
    "UPDATE library_clip SET first_played_at = NULL": "library_clip ({clip}): kept 6, 2025",
    "UPDATE library_playtally SET plays = 5": (
        "library_playtally ({clip}, 2025-06-30 23:00:00+00): kept 5, 1, counted 1, 1"
    ),
    "DELETE FROM library_playtally": (
        "library_playtally ({clip}, 2025-06-30 23:00:00+00): kept 0, counted 1, 1"
    ),
    "UPDATE library_playtally SET quarter = quarter + interval '2 hours'": (
        "library_playtally ({clip}, 2025-07-01 02:30:00+00): kept 1, 1, counted 0"
    ),
    "UPDATE library_audiencetally SET plays = plays + 1": (
        "library_audiencetally ({clip}, 2025-06-30, player, ): kept 4, counted 3"
    ),
    "DELETE FROM library_audiencetally": (
        "library_audiencetally ({clip}, 2025-06-30, player, ): kept 0, counted 3"
    ),
    "UPDATE library_audiencetally SET client = 'bot'": (
        "library_audiencetally ({clip}, 2025-06-30, bot, ): kept 3, counted 0"
    ),
    "UPDATE library_audiencetally SET listeners = 3": (
        "library_audiencetally, listeners ({clip}, 2025-06-30): kept 3, counted 1"
    ),
    "UPDATE library_completiontally SET bytes_sent = 1": (
        "library_completiontally ({clip}, 2025-06-30 23:00:00+00): kept 1, 1, 1, counted 1, 1, 99"
    ),
    "DELETE FROM library_completiontally": (
        "library_completiontally ({clip}, 2025-06-30 23:00:00+00): kept 0, counted 1, 1, 99"
    ),
    "UPDATE library_librarytally SET plays = plays + 1": (
        "library_librarytally (2025-06-30 23:00:00+00): kept 2, 1, counted 1, 1"
    ),
    "INSERT INTO library_change (difference) VALUES (1)": (
        "library_changestate (available clips): kept 2, counted 1"
    ),
    "UPDATE library_changestate SET available = 0": (
        "library_changestate (available clips): kept 0, counted 1"
    ),
    "DELETE FROM library_librarytally": (
        "library_librarytally (2025-06-30 23:00:00+00): kept 0, counted 1, 1"
    ),
    "UPDATE library_clip SET people_count = 2": "library_clip, people ({clip}): kept 2, counted 6",
    "UPDATE library_playtally SET people = 0": (
        "library_playtally ({clip}, 2025-06-30 23:00:00+00): kept 1, 0, counted 1, 1"
    ),
    "UPDATE library_librarytally SET people = 0": (
        "library_librarytally (2025-06-30 23:00:00+00): kept 1, 0, counted 1, 1"
    ),
    "UPDATE library_librarytally SET people = NULL": (
        "library_librarytally (2025-06-30 23:00:00+00): kept 1, counted 1, 1"
    ),
    "UPDATE library_playevent SET client = 'bot'": (
        "library_playtally ({clip}, 2025-06-30 23:00:00+00): kept 1, 1, counted 1, 0"
    ),
    "DELETE FROM library_playevent": (
        "library_playtally ({clip}, 2025-07-01 00:00:00+00): kept 1, 1, counted 0"
    ),
    "UPDATE library_playevent SET client = 'app', completed = NULL": (
        "library_audiencetally ({clip}, 2025-07-01, app, ): kept 0, counted 3"
    ),
}


@pytest.fixture
def played(make_clip: Callable[..., Clip]) -> Clip:
    """A clip with a listener's six plays, three on each side of a month's end."""
    clip = make_clip()
    plays = every(timedelta(minutes=20), BEGIN, 6)
    listener = {"client": Client.PLAYER, "listener": UUID(int=1)}
    add_plays(clip, plays, completed=True, bytes_sent=99, **listener)
    return clip


def check(**options: Any) -> str:
    """Return the output of the command, followed by the message of its error if it fails."""
    output = StringIO()
    try:
        call_command("check_plays", stdout=output, **options)
    except CommandError as error:
        return f"{output.getvalue()}{error}"
    return output.getvalue()


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def agrees_with_events(clip: Clip) -> bool:
    clip.refresh_from_db()
    times = list(PlayEvent.objects.filter(clip=clip).values_list("played_at", flat=True))
    return (clip.play_count, clip.first_played_at, clip.last_played_at) == (
        len(times),
        min(times, default=None),
        max(times, default=None),
    )


def test_plays_over_http_agree(http: Http, clip: Clip, make_clip: Callable[..., Clip]) -> None:
    for number in (clip.pk, make_clip().pk):
        for headers in ({}, {"Range": "bytes=0-"}, {"Range": "bytes=0-"}, {"User-Agent": "VLC"}):
            http("GET", f"/api/v1/clips/{number}/stream", headers=headers)
    assert PlayEvent.objects.count() == 6
    assert check() == AGREED


def test_library_without_plays_agrees(clip: Clip) -> None:
    assert check() == AGREED


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_row_is_reported_and_repaired(played: Clip, damage: str) -> None:
    run(damage)
    output = check()
    assert DAMAGES[damage].format(clip=played.pk) in output
    assert "Run `check_plays --repair` to correct them." in output
    assert check(repair=True).endswith(" repaired.\n")
    assert check() == AGREED
    assert agrees_with_events(played)


def test_only_the_damaged_clip_is_reported(played: Clip, make_clip: Callable[..., Clip]) -> None:
    other = make_clip()
    add_plays(other, [BEGIN])
    run(f"UPDATE library_playtally SET plays = 9 WHERE clip_id = {other.pk}")
    run("UPDATE library_librarytally SET plays = plays + 8 WHERE quarter = '2025-06-30T23:00Z'")
    *reported, last = check().splitlines()
    assert [line.split(":")[0] for line in reported] == [
        f"library_playtally ({other.pk}, 2025-06-30 23",
        f"library_clip ({other.pk})",
    ]
    assert last.startswith("2 differences.")


def test_repair_reports_the_differences(played: Clip) -> None:
    run("UPDATE library_clip SET play_count = 9")
    lines = check(repair=True).splitlines()
    assert lines[0].startswith(f"library_clip ({played.pk}): kept 9, 2025")
    assert lines[1:] == ["1 difference repaired."]


def test_progress_is_shown_only_on_a_terminal(
    played: Clip, capfd: pytest.CaptureFixture[str]
) -> None:
    run("UPDATE library_clip SET play_count = 9")
    check(repair=True)
    assert capfd.readouterr().err == ""


def test_repair_keeps_the_tallies_of_months_whose_events_are_pruned(played: Clip) -> None:
    add_plays(played, [timezone.now()])
    call_command("prune_play_events", days=62, stdout=StringIO())
    assert PlayEvent.objects.count() == 1
    assert check() == AGREED
    run("UPDATE library_clip SET play_count = 1, last_played_at = NULL")
    run("UPDATE library_playtally SET plays = 3 WHERE quarter > now() - interval '1 day'")
    assert check(repair=True).endswith(" repaired.\n")
    played.refresh_from_db()
    assert (played.play_count, played.first_played_at) == (7, BEGIN)
    assert PlayTally.objects.filter(clip=played).count() == 7


def test_repair_keeps_the_tallies_of_a_month_detached_by_an_operator(played: Clip) -> None:
    month = partitions.of(BEGIN + timedelta(days=5)).table
    run(f"ALTER TABLE library_playevent DETACH PARTITION {month}")
    try:
        assert check() == AGREED
        run("UPDATE library_playtally SET plays = 3 WHERE quarter < '2025-07-01'")
        assert check(repair=True).endswith(" repaired.\n")
        played.refresh_from_db()
        assert played.play_count == 6
    finally:
        run(f"DROP TABLE {month}")


def test_repair_during_plays_loses_none(server: Server, clip: Clip) -> None:
    def listen(_: int) -> int:
        url = f"{server.url}/api/v1/clips/{clip.pk}/stream"
        return requests.get(url, timeout=30).status_code

    add_plays(clip, every(timedelta(minutes=7), timezone.now() - timedelta(days=3), 600))
    with ThreadPoolExecutor(4) as pool:
        statuses = pool.map(listen, range(120))
        while PlayEvent.objects.count() < 720:
            run("UPDATE library_playtally SET plays = plays + 1")
            assert check(repair=True).endswith(" repaired.\n")
        assert set(statuses) == {200}
    assert check() == AGREED
    assert agrees_with_events(clip)
