"""Statistics of many clips over HTTP: filters, pages, missing ids, and CSV."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import requests
from django.test import Client as Browser
from django.utils import timezone

from library.models import Client, Clip
from tests.support.plays import add_plays, every, stream

Http = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]
CLIPS = "/api/v1/stats/clips"
OCTOBER = datetime(2025, 10, 1, tzinfo=UTC)
IN_OCTOBER = "since=2025-10-01&until=2025-11-01"


def ids(clips: list[Clip]) -> str:
    return ",".join(str(clip.pk) for clip in clips)


def table(answer: requests.Response) -> list[dict[str, str]]:
    return [*csv.DictReader(StringIO(answer.text, newline=""))]


@pytest.fixture
def clips(make_clip: MakeClip) -> list[Clip]:
    """Three clips: one was played by 2 bots and a person, one by 2 people, and one never."""
    crawled, heard, silent = (make_clip(title=title) for title in ("Crawled", "Heard", "Silent"))
    add_plays(crawled, every(timedelta(days=1), OCTOBER, 2), client=Client.BOT)
    add_plays(crawled, [OCTOBER], client=Client.BROWSER)
    add_plays(heard, every(timedelta(days=1), OCTOBER, 2), client=Client.PLAYER)
    return [crawled, heard, silent]


# In this process, whose ranking is as new as the clips.
def test_each_clip_has_its_plays_and_those_by_people(client: Browser, clips: list[Clip]) -> None:
    found = client.get(f"{CLIPS}?ids={ids(clips)}&{IN_OCTOBER}").json()
    assert [
        (
            clip["title"],
            clip["play_count"],
            clip["people_count"],
            clip["period"]["plays"],
            clip["period"]["people"],
            clip["rank"],
        )
        for clip in found["clips"]
    ] == [("Crawled", 3, 1, 3, 1, 1), ("Heard", 2, 2, 2, 2, 2), ("Silent", 0, 0, 0, 0, None)]
    assert found["missing"] == []
    assert (found["audience"], found["people_clients"]) == ("all", ["browser", "player", "app"])


def test_audience_people_ranks_by_plays_by_people(client: Browser, clips: list[Clip]) -> None:
    def ranks(audience: str) -> list[Any]:
        found = client.get(f"{CLIPS}?audience={audience}").json()["clips"]
        top = client.get(f"/api/v1/stats?window=all_time&audience={audience}").json()["top"]
        listed = [(clip["title"], clip["plays"], clip["people"]) for clip in top["clips"]]
        return [[clip["rank"] for clip in found], listed]

    crawled, heard = ("Crawled", 3, 1), ("Heard", 2, 2)
    assert ranks("all") == [[1, 2, None], [crawled, heard]]
    assert ranks("people") == [[2, 1, None], [heard, crawled]]


def test_kind_of_client_decides_whether_a_play_is_by_people(http: Http, clip: Clip) -> None:
    browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    bot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    for agent in (browser, bot, "VLC/3.0.20 LibVLC/3.0.20", "curl/8.5.0", "unknown"):
        http("GET", stream(clip), headers={"User-Agent": agent})
    (found,) = http("GET", f"{CLIPS}?since=-1h&interval=hour").json()["clips"]
    assert (found["play_count"], found["people_count"]) == (5, 2)
    assert (found["plays"]["last_24_hours"], found["people"]["last_24_hours"]) == (5, 2)
    assert sum(bucket["people"] for bucket in found["series"]) == 2
    assert (found["unique_listeners"], found["unique_people"]) == (5, 2)


def test_filters_and_order_choose_the_clips(http: Http, make_clip: MakeClip) -> None:
    for title, genre in (("A", "jazz"), ("B", "jazz"), ("C", "rock")):
        make_clip(title=title, genre=genre)
    found = http("GET", f"{CLIPS}?genre=jazz&ordering=-title").json()
    assert [clip["title"] for clip in found["clips"]] == ["B", "A"]


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_links_lead_through_all_pages(http: Http, make_clip: MakeClip, kind: str) -> None:
    made = [make_clip().pk for _ in range(5)]
    found: list[int] = []
    url = f"{CLIPS}?limit=2&format={kind}"
    while url:
        answer = http("GET", url)
        assert answer.headers["X-Total-Count"] == "5"
        rows = table(answer) if kind == "csv" else answer.json()["clips"]
        found += [int(row["id"]) for row in rows]
        url = answer.links.get("next", {}).get("url", "").partition("://")[2]
        url = url and f"/{url.partition('/')[2]}"
    assert found == made


def test_missing_ids_have_a_reason(http: Http, make_clip: MakeClip) -> None:
    shown = make_clip()
    filtered = make_clip(genre="rock")
    deleted = make_clip(deleted_at=timezone.now())
    withdrawn, draft = make_clip(state="withdrawn"), make_clip(state="draft")
    asked = ids([shown, filtered, deleted, withdrawn, draft])
    path = f"{CLIPS}?ids={asked},999999&genre=ambient"
    found = http("GET", path).json()
    reasons = ["filtered", "deleted", "withdrawn", "not_found", "not_found"]
    assert [clip["id"] for clip in found["clips"]] == [shown.pk]
    assert [missing["reason"] for missing in found["missing"]] == reasons
    rows = table(http("GET", f"{path}&format=csv"))
    assert [row["missing"] for row in rows] == ["", *reasons]
    assert [row["id"] for row in rows] == [*asked.split(","), "999999"]


def test_csv_has_the_same_numbers_as_json(http: Http, clips: list[Clip]) -> None:
    path = f"{CLIPS}?{IN_OCTOBER}&timezone=Europe/Berlin"
    found = http("GET", path).json()
    answer = http("GET", f"{path}&format=csv")
    assert (
        'filename="clips-plays-2025-10-01-to-2025-11-01.csv"'
        in answer.headers["Content-Disposition"]
    )
    for clip, row in zip(found["clips"], table(answer), strict=True):
        assert row["title"] == clip["title"]
        assert row["first_played_at"] == (clip["first_played_at"] or "")
        assert row["since"] == found["period"]["since"]
        assert row["people_last_7_days"] == str(clip["people"]["last_7_days"])
        for name in ("plays", "plays_before", "people", "people_before"):
            assert row[name] == str(clip["period"][name])
        for name in ("unique_listeners", "unique_people"):
            assert row[name] == str(clip[name])


def test_interval_adds_the_series(http: Http, clips: list[Clip]) -> None:
    path = f"{CLIPS}?since=2025-10-01&until=2025-10-03&interval=day&limit=2"
    found = http("GET", path).json()["clips"]
    series = [(b["start"][:10], b["plays"], b["people"]) for b in found[0]["series"]]
    assert series == [("2025-10-01", 2, 1), ("2025-10-02", 1, 0)]
    rows = table(http("GET", f"{path}&format=csv"))
    assert [(row["title"], row["start"][:10], row["plays"], row["people"]) for row in rows] == [
        (clip["title"], b["start"][:10], str(b["plays"]), str(b["people"]))
        for clip in found
        for b in clip["series"]
    ]


def test_titles_are_no_formulas_in_csv(http: Http, make_clip: MakeClip) -> None:
    make_clip(title="=HYPERLINK(1)")
    assert table(http("GET", f"{CLIPS}?format=csv"))[0]["title"] == "'=HYPERLINK(1)"


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("ids=1,x", "ids", "separated by commas"),
        ("ids=" + ",".join(["1"] * 1001), "ids", "At most"),
        ("interval=hour&since=-30d&limit=1000", "limit", "At most 138 clips"),
        ("limit=1001", "limit", "less than or equal to 1000"),
        ("cursor=x", "cursor", "Invalid cursor"),
        ("window=all_time", "window", "Unknown parameter"),
    ],
)
def test_invalid_parameter_is_400_by_its_name(
    http: Http, query: str, field: str, message: str
) -> None:
    answer = http("GET", f"{CLIPS}?{query}")
    assert answer.status_code == 400
    assert message in answer.json()[field][0]
