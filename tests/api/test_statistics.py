"""Statistics over HTTP: parameters, formats and errors."""

import csv
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from openapi_schema_validator import OAS31Validator

from library.models import Clip
from library.statistics.ranking import kept_ranking
from tests.support.plays import add_plays, every

Http = Callable[..., requests.Response]
Stats = Callable[..., requests.Response]
Invalid = tuple[str, str, str]  # a query, the name of the parameter, part of its error
LIBRARY, CLIPS = "/api/v1/stats", "/api/v1/stats/clips"
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
def stats(http: Http, played: Clip) -> Stats:
    """Request the played clip's statistics."""

    def send(query: str = "", **headers: str) -> requests.Response:
        return http("GET", f"{of(played)}?{query}", headers=headers)

    return send


def test_period_is_filled_with_zeros(stats: Stats) -> None:
    series = stats("since=2025-09-29&until=2025-10-03").json()["series"]
    assert [(bucket["start"], bucket["plays"]) for bucket in series] == [
        ("2025-09-29T00:00:00Z", 0),
        ("2025-09-30T00:00:00Z", 0),
        ("2025-10-01T00:00:00Z", 2),
        ("2025-10-02T00:00:00Z", 2),
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
def test_since_is_a_date_or_a_date_time(stats: Stats, since: str, start: str) -> None:
    found = stats(f"interval=hour&since={since}&until=2025-10-03&timezone=Europe/Berlin").json()
    assert found["period"]["since"] == found["series"][0]["start"] == start


@pytest.mark.parametrize(("query", "headers"), [("format=csv&", {}), ("", {"Accept": "text/csv"})])
def test_csv_has_the_same_numbers_as_json(
    stats: Stats, query: str, headers: dict[str, str]
) -> None:
    period = "since=2025-09-25&until=2025-10-20&timezone=America/New_York"
    answer = stats(query + period, **headers)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    header, *rows = csv.reader(StringIO(answer.text))
    assert header == ["start", "plays", "people"]
    series = stats(period).json()["series"]
    assert rows == [[b["start"], str(b["plays"]), str(b["people"])] for b in series]


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_tag_changes_with_the_numbers_only(stats: Stats, played: Clip, kind: str) -> None:
    query = f"since=2025-10-01&until=2025-10-03&format={kind}"
    first = stats(query)
    assert first.headers["ETag"].startswith('W/"')
    same = stats(query, **{"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.headers["ETag"]) == (304, first.headers["ETag"])
    add_plays(played, [datetime(2025, 10, 2, tzinfo=UTC)])
    changed = stats(query, **{"If-None-Match": first.headers["ETag"]})
    assert (changed.status_code, changed.content != first.content) == (200, True)


@pytest.mark.parametrize("path", ["/stats", "/stats/clips", "/clips/{}/stats"])
def test_tag_stays_while_clips_are_ranked_again(
    client: Browser, played: Clip, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_ranking, "_due", float("inf"))  # the test renews it
    path = f"/api/v1{path.format(played.pk)}?since=2025-10-01&until=2025-10-03"
    first = client.get(path)
    kept_ranking.renew()
    kept_ranking._due = float("inf")
    second = client.get(path)
    assert (first.content != second.content, first["ETag"]) == (True, second["ETag"])
    assert client.get(path, headers={"If-None-Match": first["ETag"]}).status_code == 304


def test_all_times_have_the_offset_of_the_requested_zone(stats: Stats, http: Http) -> None:
    def times(value: Any) -> Iterable[str]:
        parts = value.values() if isinstance(value, dict) else value
        for part in parts:
            if isinstance(part, dict | list):
                yield from times(part)
            elif isinstance(part, str) and "T" in part and part[:4].isdecimal():
                yield part

    query = "timezone=Asia/Kathmandu&interval=day"
    for answer in (stats(query), *(http("GET", f"{path}?{query}") for path in (LIBRARY, CLIPS))):
        found = [*times(answer.json())]
        assert len(found) > 30
        assert [time for time in found if not time.endswith("+05:45")] == []
        assert [time for time in times(http("GET", LIBRARY).json()) if time[-1] != "Z"] == []


def test_relative_times_name_the_buckets_that_contain_them(stats: Stats) -> None:
    period = stats("since=-7d&until=-1d&timezone=Europe/Berlin").json()["period"]
    today = datetime.now(ZoneInfo("Europe/Berlin")).date()
    assert [period[edge][:10] for edge in ("since", "until")] == [str(today - 7 * DAY), str(today)]


def test_csv_and_json_have_different_tags(stats: Stats) -> None:
    assert stats("format=csv").headers["ETag"] != stats("format=json").headers["ETag"]


def test_long_csv_is_compressed_on_request(stats: Stats) -> None:
    query = "interval=hour&since=2025-10-01&until=2025-10-10&format=csv"
    plain, coded = (stats(query, **{"Accept-Encoding": name}) for name in ("identity", "gzip"))
    assert coded.headers["Content-Encoding"] == "gzip"
    assert coded.text == plain.text


def test_library_statistics_are_available_as_csv(http: Http, played: Clip) -> None:
    table = http("GET", f"{LIBRARY}?format=csv&interval=month&since=2025-10-01&until=2025-10-31")
    assert table.text == "start,plays,people\r\n2025-10-01T00:00:00Z,20,0\r\n"


@pytest.mark.parametrize("accept", [BROWSER, "application/json, text/plain, */*", "*/*"])
def test_browsers_get_json(stats: Stats, accept: str) -> None:
    headers = stats(Accept=accept).headers
    assert (headers["Content-Type"], headers["Cache-Control"]) == ("application/json", "no-cache")
    assert "Accept" in headers["Vary"]


def test_other_types_are_406_in_json(stats: Stats) -> None:
    answer = stats(Accept="application/pdf")
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


INVALID_PERIODS = (
    ("interval=year", "interval", "hour, day, week, month"),
    ("since=2025-10-03&until=2025-10-01", "since", "before until (2025-10-01T00:00:00Z"),
    ("since=2999-01-01", "since", "before until"),
    ("interval=hour&since=2025-01-01", "since", "1000 hours"),
    ("since=2000-01-01", "since", "1000 days"),
    ("timezone=Mars/Olympus", "timezone", "IANA time zone"),
    ("timezone=%00", "timezone", "Null characters"),
    ("since=yesterday", "since", "2026-03-29"),
    ("until=2025-02-30", "until", "2026-03-29"),
    ("since=1999-12-31", "since", "2000-01-01"),
    ("since=-99999d", "since", "2000-01-01"),
    ("since=-7m", "since", "-24h, -7d or -4w"),
    ("until=-7", "until", "-24h, -7d or -4w"),
    ("since=-1d&until=-2d", "since", "before until"),
    ("audience=bots", "audience", "all, people"),
    ("intervall=day", "intervall", "interval, since, until, timezone"),
    ("interval=day&interval=day", "interval", "once"),
    ("format=json&format=csv", "format", "once"),
    ("format=xml", "format", "json, csv"),
)
INVALID_TOPS = (
    ("window=last_year", "window", "last_24_hours, last_7_days, last_30_days, all_time"),
    *((f"limit={limit}", "limit", "greater than or equal to 1") for limit in ("0", "-1")),
    ("limit=101", "limit", "less than or equal to 100"),
    *((f"limit={limit}", "limit", "whole number") for limit in ("x", "1.5")),
    ("limit=%D9%A3", "limit", "whole number"),  # an Arabic three
    ("window=all_time&window=all_time", "window", "once"),
    ("top=5", "top", "window, limit, interval, since, until, timezone, format"),
)


def accepted(http: Http, path: str, invalid: Iterable[Invalid], **headers: str) -> list[Any]:
    """Return the queries whose response is not a 400 in JSON with the error of the parameter."""
    found: list[Any] = []
    for query, field, message in invalid:
        answer = http("GET", f"{path}?{query}", headers=headers)
        kind = (answer.status_code, answer.headers["Content-Type"])
        if kind != (400, "application/json") or message not in answer.json().get(field, [""])[0]:
            found.append((query, kind, answer.text))
    return found


def test_unknown_or_invalid_parameter_is_400_by_its_name(http: Http, clip: Clip) -> None:
    assert accepted(http, of(clip), INVALID_PERIODS) == []
    assert accepted(http, LIBRARY, INVALID_PERIODS + INVALID_TOPS) == []


def test_errors_are_json_even_if_csv_was_requested(http: Http, clip: Clip) -> None:
    invalid = [(f"{query}&format=csv", name, text) for query, name, text in INVALID_PERIODS[:-2]]
    assert accepted(http, of(clip), invalid) == []
    assert accepted(http, LIBRARY, INVALID_TOPS, Accept="text/csv") == []


@pytest.mark.parametrize("path", [LIBRARY, "/api/v1/clips"])
def test_list_and_statistics_report_errors_in_the_same_words(http: Http, path: str) -> None:
    errors = http("GET", f"{path}?page=2&limit=0&format=xml&format=csv").json()
    assert errors["page"][0].startswith("Unknown parameter. The parameters are: ")
    assert errors["limit"] == ["Ensure this value is greater than or equal to 1."]
    assert errors["format"] == ["Use this parameter only once."]


def test_blank_parameters_count_as_not_given(http: Http) -> None:
    blank = "interval=&since=&until=&timezone=&format=&window=&limit="
    plain, found = (http("GET", f"{LIBRARY}?{query}").json() for query in ("", blank))
    assert found["period"] == plain["period"]
    assert found["top"]["window"] == plain["top"]["window"]


@pytest.mark.parametrize("number", ["999999", "999999999999999999", "9" * 30, "x", "-1"])
def test_statistics_of_a_missing_clip_are_404_in_json(http: Http, number: str) -> None:
    answer = http("GET", f"/api/v1/clips/{number}/stats?format=csv")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_counting_rule_is_the_url_of_the_rule(stats: Stats, http: Http) -> None:
    for answer in (stats(), http("GET", LIBRARY), http("GET", CLIPS)):
        rule = requests.get(answer.json()["counting_rule"], timeout=10)
        assert rule.status_code == 200
        assert "What counts as a play" in rule.text


def test_responses_match_their_openapi_schemas(stats: Stats, http: Http, played: Clip) -> None:
    described = http("GET", "/openapi.json").json()
    never_played = Clip.objects.create(
        title="New", genre="ambient", duration=1, audio_url="http://a.example/b.mp3"
    )
    for name, answer in (
        ("ClipStatistics", stats("interval=month&since=2025-10-01")),
        ("ClipStatistics", http("GET", of(never_played))),
        ("LibraryStatistics", http("GET", f"{LIBRARY}?window=all_time")),
        ("ClipsStatistics", http("GET", f"{CLIPS}?interval=month&ids=9999,{played.pk}")),
        ("ClipsStatistics", http("GET", f"{CLIPS}?audience=people")),
    ):
        schema = described["components"]["schemas"][name]
        validator = OAS31Validator(
            {**schema, "additionalProperties": False, "components": described["components"]},
            format_checker=OAS31Validator.FORMAT_CHECKER,
        )
        assert [error.message for error in validator.iter_errors(answer.json())] == []


def test_number_of_statements_is_constant(
    make_clip: Callable[..., Clip], client: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def statements() -> list[int]:
        numbers = []
        some = f"{CLIPS}?ids={first.pk},{first.pk + 1},9999&limit=1000&interval=day"
        for path in (of(first), f"{LIBRARY}?window=all_time", some):
            with CaptureQueriesContext(connection) as captured:
                assert client.get(path).status_code == 200
            numbers.append(len(captured))
        return numbers

    first = make_clip()
    begin = datetime(2025, 10, 1, tzinfo=UTC)
    add_plays(first, [begin])
    monkeypatch.setattr(kept_ranking, "_due", float("inf"))  # no request renews it
    assert statements() == [1, 2, 4]
    for clip in (first, make_clip(), make_clip()):
        add_plays(clip, every(timedelta(hours=7), begin, 100))
    kept_ranking._due = float("inf")
    assert statements() == [1, 2, 4]


def test_statistics_include_the_latest_play(http: Http, clip: Clip) -> None:
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
