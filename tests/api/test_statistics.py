"""The statistics calls over HTTP: what may be asked, and in what shape it is answered."""

import csv
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import requests
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from openapi_schema_validator import OAS31Validator

from library.models import Clip
from library.statistics.ranking import kept_ranking
from tests.support.plays import add_plays, every

Ask = Callable[..., requests.Response]
Stats = Callable[..., requests.Response]
Wrong = tuple[str, str, str]  # a query, the field that is told, what is told of it
LIBRARY = "/api/v1/stats"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
DAY = timedelta(days=1)


@pytest.fixture
def played(clip: Clip) -> Clip:
    """A clip with two plays a day, at 0:10 and 12:10 UTC, on the first days of October 2025."""
    add_plays(clip, every(DAY / 2, datetime(2025, 10, 1, 0, 10, tzinfo=UTC), 20))
    return clip


def of(clip: Clip) -> str:
    return f"/api/v1/clips/{clip.pk}/stats"


@pytest.fixture
def stats(http: Ask, played: Clip) -> Stats:
    """Asks for the played clip's statistics."""

    def ask(query: str = "", **headers: str) -> requests.Response:
        return http("GET", f"{of(played)}?{query}", headers=headers)

    return ask


def test_period_is_filled_with_zeros(stats: Stats) -> None:
    series = stats("since=2025-09-29&until=2025-10-03").json()["series"]
    assert [(bucket["start"], bucket["plays"]) for bucket in series] == [
        ("2025-09-29T00:00:00+00:00", 0),
        ("2025-09-30T00:00:00+00:00", 0),
        ("2025-10-01T00:00:00+00:00", 2),
        ("2025-10-02T00:00:00+00:00", 2),
    ]


def test_starts_carry_the_offset_of_the_zone_on_their_day(stats: Stats) -> None:
    found = stats("since=2025-10-26&until=2025-10-28&timezone=Europe/Berlin").json()
    starts = [bucket["start"] for bucket in found["series"]]
    assert starts == ["2025-10-26T00:00:00+02:00", "2025-10-27T00:00:00+01:00"]
    assert found["period"]["until"] == "2025-10-28T00:00:00+01:00"


@pytest.mark.parametrize(
    ("since", "start"),
    [
        ("2025-10-02", "2025-10-02T00:00:00+02:00"),
        ("2025-10-02T12:59:00", "2025-10-02T12:00:00+02:00"),
        ("2025-10-02T12:59:00Z", "2025-10-02T14:00:00+02:00"),
        ("2025-10-02T12:59:00%2B05:30", "2025-10-02T09:00:00+02:00"),
        ("2025-10-02T12:59:00+05:30", "2025-10-02T09:00:00+02:00"),  # the + reads as a space
    ],
)
def test_since_is_a_date_or_a_moment(stats: Stats, since: str, start: str) -> None:
    found = stats(f"interval=hour&since={since}&until=2025-10-03&timezone=Europe/Berlin").json()
    assert found["period"]["since"] == found["series"][0]["start"] == start


@pytest.mark.parametrize(("query", "headers"), [("format=csv&", {}), ("", {"Accept": "text/csv"})])
def test_csv_holds_the_numbers_of_the_json(
    stats: Stats, query: str, headers: dict[str, str]
) -> None:
    period = "since=2025-09-25&until=2025-10-20&timezone=America/New_York"
    answer = stats(query + period, **headers)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    header, *rows = csv.reader(StringIO(answer.text))
    assert header == ["start", "plays"]
    assert rows == [[b["start"], str(b["plays"])] for b in stats(period).json()["series"]]


def test_library_answers_csv_too(http: Ask, played: Clip) -> None:
    table = http("GET", f"{LIBRARY}?format=csv&interval=month&since=2025-10-01&until=2025-10-31")
    assert table.text == "start,plays\r\n2025-10-01T00:00:00+00:00,20\r\n"


@pytest.mark.parametrize("accept", [BROWSER, "application/json, text/plain, */*", "*/*"])
def test_json_is_what_browsers_get(stats: Stats, accept: str) -> None:
    headers = stats(Accept=accept).headers
    assert (headers["Content-Type"], headers["Cache-Control"]) == ("application/json", "no-cache")
    assert "Accept" in headers["Vary"]


def test_type_that_there_is_not_is_406_as_json(stats: Stats) -> None:
    answer = stats(Accept="application/pdf")
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


WRONG_PERIODS = (
    ("interval=year", "interval", "hour, day, week, month"),
    ("since=2025-10-03&until=2025-10-01", "since", "before until (2025-10-01T00:00:00+00:00"),
    ("since=2999-01-01", "since", "before until"),
    ("interval=hour&since=2025-01-01", "since", "1000 hours"),
    ("since=2000-01-01", "since", "1000 days"),
    ("timezone=Mars/Olympus", "timezone", "IANA time zone"),
    ("timezone=%00", "timezone", "IANA time zone"),
    ("since=yesterday", "since", "2026-03-29"),
    ("until=2025-02-30", "until", "2026-03-29"),
    ("since=1999-12-31", "since", "2000-01-01"),
    ("intervall=day", "intervall", "interval, since, until, timezone"),
    ("interval=day&interval=day", "interval", "once"),
    ("format=json&format=csv", "format", "once"),
    ("format=xml", "format", "json, csv"),
    ("format=", "format", "json, csv"),
)
WRONG_TOPS = (
    ("window=last_year", "window", "last_24_hours, last_7_days, last_30_days, all_time"),
    *((f"limit={limit}", "limit", "from 1 to 100") for limit in ("0", "101", "x", "-1", "1.5")),
    ("limit=%D9%A3", "limit", "from 1 to 100"),  # an Arabic three
    ("window=all_time&window=all_time", "window", "once"),
    ("top=5", "top", "timezone, window, limit, format"),
)


def refusals(http: Ask, path: str, wrong: Iterable[Wrong], **headers: str) -> list[Any]:
    """Queries that were not refused with a 400 in JSON that names the field and what is allowed."""
    accepted: list[Any] = []
    for query, field, allowed in wrong:
        answer = http("GET", f"{path}?{query}", headers=headers)
        told = (answer.status_code, answer.headers["Content-Type"])
        if told != (400, "application/json") or allowed not in answer.json().get(field, [""])[0]:
            accepted.append((query, told, answer.text))
    return accepted


def test_wrong_question_is_told_what_is_allowed(http: Ask, clip: Clip) -> None:
    assert refusals(http, of(clip), WRONG_PERIODS) == []
    assert refusals(http, LIBRARY, WRONG_PERIODS + WRONG_TOPS) == []


def test_errors_are_json_for_who_wants_csv(http: Ask, clip: Clip) -> None:
    wrong = [(f"{query}&format=csv", field, told) for query, field, told in WRONG_PERIODS[:-3]]
    assert refusals(http, of(clip), wrong) == []
    assert refusals(http, LIBRARY, WRONG_TOPS, Accept="text/csv") == []


@pytest.mark.parametrize("number", ["999999", "999999999999999999", "9" * 30, "x", "-1"])
def test_stats_of_no_clip_are_404_as_json(http: Ask, number: str) -> None:
    answer = http("GET", f"/api/v1/clips/{number}/stats?format=csv")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_counting_rule_is_an_address_that_tells_it(stats: Stats, http: Ask) -> None:
    for answer in (stats(), http("GET", LIBRARY)):
        rule = requests.get(answer.json()["counting_rule"], timeout=10)
        assert rule.status_code == 200
        assert "What counts as a play" in rule.text


def test_answers_are_as_openapi_describes_them(stats: Stats, http: Ask, played: Clip) -> None:
    described = http("GET", "/openapi.json").json()
    never_played = Clip.objects.create(
        title="New", genre="ambient", duration=1, audio_url="http://a.example/b.mp3"
    )
    for name, answer in (
        ("ClipStatistics", stats("interval=month&since=2025-10-01")),
        ("ClipStatistics", http("GET", of(never_played))),
        ("LibraryStatistics", http("GET", f"{LIBRARY}?window=all_time")),
    ):
        schema = described["components"]["schemas"][name]
        validator = OAS31Validator(
            {**schema, "additionalProperties": False, "components": described["components"]},
            format_checker=OAS31Validator.FORMAT_CHECKER,
        )
        assert [error.message for error in validator.iter_errors(answer.json())] == []


def test_number_of_queries_does_not_grow_with_plays_or_clips(
    make_clip: Callable[..., Clip], client: Browser
) -> None:
    def queries() -> list[int]:
        numbers = []
        for path in (of(first), f"{LIBRARY}?window=all_time"):
            kept_ranking.forget()
            with CaptureQueriesContext(connection) as captured:
                assert client.get(path).status_code == 200
            numbers.append(len(captured))
        return numbers

    first = make_clip()
    begin = datetime(2025, 10, 1, tzinfo=UTC)
    add_plays(first, [begin])
    at_first = queries()
    for clip in (first, make_clip(), make_clip()):
        add_plays(clip, every(timedelta(hours=7), begin, 100))
    assert queries() == at_first


def test_play_just_made_is_told(http: Ask, clip: Clip) -> None:
    add_plays(clip, every(DAY, datetime(2025, 10, 1, tzinfo=UTC), 3))
    began = datetime.now(UTC)
    http("GET", f"/api/v1/clips/{clip.pk}/stream")
    found = http("GET", of(clip)).json()
    assert found["play_count"] == 4
    assert found["plays"] == {"last_24_hours": 1, "last_7_days": 1, "last_30_days": 1}
    assert (
        found["series"][-1]["plays"] == found["period"]["plays"] == found["unique_listeners"] == 1
    )
    assert began <= datetime.fromisoformat(found["last_played_at"]) <= datetime.now(UTC)
    assert http("GET", LIBRARY).json()["series"][-1]["plays"] == 1
