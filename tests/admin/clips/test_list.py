"""The list of clips in the back office: its rows, search, filters, order and number of queries."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from library.admin.clips.columns import sparkline
from library.models import Clip, PlayTally
from library.statistics.ranking import kept_ranking
from library.statistics.series import plays_by_day
from tests.support.editors import chief, editor

LIST = "/admin/library/clip/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def chief_client(client: Client) -> Client:
    client.force_login(chief())
    return client


def add(title: str = "Rain", **fields: Any) -> Clip:
    source = {} if "audio_file" in fields else {"audio_url": "https://example.com/a.mp3"}
    return Clip.objects.create(
        **{"title": title, "genre": "nature", "duration": 61, **source, **fields}
    )


def listed(client: Client, query: str = "") -> list[str]:
    """The titles on the page, in its order."""
    page = client.get(LIST + query)
    assert page.status_code == 200, page.headers
    return [clip.title for clip in page.context["cl"].result_list]


def found(query: str) -> list[str]:
    """The same without rendering the page, which takes longer than the query."""
    request = RequestFactory().get(f"{LIST}?{query}")
    request.user = User(is_superuser=True)
    changelist = admin.site.get_model_admin(Clip).get_changelist_instance(request)
    return [clip.title for clip in changelist.result_list]


def rows(client: Client) -> dict[str, str]:
    """The text of each row by its first word."""
    page = client.get(LIST).text
    found = re.findall(r"<tr>.*?</tr>", page[page.index("<tbody>") :], re.DOTALL)
    texts = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in found]
    return {text.split()[0]: text for text in texts}


def test_row_shows_the_facts_about_a_clip(chief_client: Client) -> None:
    long_ago = timezone.now() - timedelta(days=15)
    add("Rain", creator="Ann", tags=["storm", "night"], health="ok", play_count=1234)
    add("Broken", health="failing", health_reason="origin_timeout", health_since=long_ago)
    add("Mine", audio_file="a.mp3", state="draft")
    add("Gone", state="withdrawn", withdrawn_reason="By mistake.")
    texts = rows(chief_client)
    for text in ("Ann · storm, night", "nature", "1:01", "1,234", "ok"):
        assert text in texts["Rain"]
    assert "failing timeout, for 2 weeks" in texts["Broken"].replace("\xa0", " ")
    assert re.search(r"uploaded .*draft", texts["Mine"])
    assert re.search(r"unchecked .*withdrawn", texts["Gone"])


def test_row_shows_the_plays_of_thirty_days(chief_client: Client) -> None:
    clip, today = add(), timezone.now().astimezone(UTC).replace(hour=12, minute=0, second=0)
    for days, plays in ((0, 2), (1, 5), (29, 1), (30, 100)):
        quarter = today.replace(microsecond=0) - timedelta(days=days)
        PlayTally.objects.create(clip=clip, quarter=quarter, plays=plays, people=0)
    yesterday = today - timedelta(days=1)
    description = f"8 plays in the last 30 days, the most on {yesterday:%-d %B}: 5"
    assert description in rows(chief_client)["Rain"]


def test_days_are_in_utc_and_end_today() -> None:
    first, second = add(), add()
    now = datetime(2026, 11, 22, 0, 5, tzinfo=UTC)
    for quarter, plays in (
        (datetime(2026, 11, 22, 0, 0, tzinfo=UTC), 1),
        (datetime(2026, 11, 21, 23, 45, tzinfo=UTC), 2),
        (datetime(2026, 11, 21, 0, 0, tzinfo=UTC), 4),
        (datetime(2026, 11, 20, 0, 0, tzinfo=UTC), 8),
        (datetime(2026, 11, 19, 23, 45, tzinfo=UTC), 16),
    ):
        PlayTally.objects.create(clip=first, quarter=quarter, plays=plays, people=0)
    assert plays_by_day([first.pk, second.pk], 3, now) == {
        first.pk: [8, 6, 1],
        second.pk: [0, 0, 0],
    }


def test_sparkline_matches_its_description() -> None:
    drawn = sparkline([0, 1, 200, 100], datetime(2026, 11, 22, tzinfo=UTC).date())
    assert 'd="M6 24v-1M10 24v-24M14 24v-12"' in drawn
    assert "301 plays in the last 4 days, the most on 21 November: 200" in drawn
    assert "No plays in the last 2 days" in sparkline([0, 0], timezone.now().date())


def test_list_takes_a_constant_number_of_queries(
    chief_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    add()
    with django_assert_num_queries(6):  # session, editor, count, clips, plays, open reports
        listed(chief_client)
    Clip.objects.bulk_create(
        Clip(title=str(n), genre="x", duration=1, audio_url="https://a.example/") for n in range(60)
    )
    with django_assert_num_queries(6):
        listed(chief_client, "?genre=x&o=played")


def test_search_finds_words_numbers_and_addresses() -> None:
    rain = add("Heavy Rain", tags=["storm"], creator="Ann")
    add("Sun", audio_url="https://example.com/sun.mp3")
    numbered = add(f"Take {rain.pk}")
    for query in ("rai", "heavy rain", "stor", "ann", f"%23{rain.pk}", f" %23{rain.pk} "):
        assert found(f"q={query}") == ["Heavy Rain"], query
    assert set(found(f"q={rain.pk}")) == {"Heavy Rain", numbered.title}
    assert found("q=https://example.com/sun.mp3") == ["Sun"]
    Clip.objects.filter(pk=rain.pk).update(isrc="USS1Z9900001")
    assert found("q=us-s1z-99-00001") == ["Heavy Rain"]
    for nothing in ("eavy", "!", "%23x", "9" * 40, "https://example.com/moon"):
        assert found(f"q={nothing}") == [], nothing


def test_search_finds_parts_of_urls_and_of_names_of_uploads() -> None:
    add("One", audio_url="https://cdn.example.com/Sounds/50%25_rain.mp3?key=a_b")
    add("Two", audio_file="uploads/2026/11/Sounds_of_the_sea.flac")
    add("Three")
    expected = {
        "cdn.example": ["One"],
        "https://CDN.example.com/sounds/": ["One"],
        "https://example.com": ["Three"],
        "http://": [],
        "ample.com": ["One", "Three"],
        "?key=a_b": ["One"],
        "key=ab": [],
        "50%25_r": ["One"],
        "0%r": [],
        "sounds": ["One", "Two"],
        "the_sea": ["Two"],
        "2026/11/": ["Two"],
        "of the sea": [],
        "mp": [],
        "thre": ["Three"],
        "\\": [],
    }
    quoted = {query: sorted(found(f"q={quote(query)}")) for query in expected}
    assert quoted == expected


def test_search_shows_the_best_match_first(chief_client: Client) -> None:
    add("By words", description="rain")
    add("Rain")
    add("By tag", tags=["rain"])
    chief_client.get(LIST + "?o=title")  # remembered, but not used by a search
    assert listed(chief_client, "?q=rain") == ["Rain", "By tag", "By words"]
    assert listed(chief_client, "?q=rain&o=newest") == ["By tag", "Rain", "By words"]


@pytest.mark.parametrize("order", ["", "&o=title"])
def test_search_that_only_excludes_shows_a_message(chief_client: Client, order: str) -> None:
    add("Drum & Bass")
    answer = chief_client.get(f"{LIST}?q=-bass{order}")
    assert "Add a word to search for." in answer.text
    assert "No clips match" in answer.text
    assert found('q=drum+"bass"') == ["Drum & Bass"]
    assert found("q=drum+-bass") == []


def test_filters_select_matching_clips() -> None:
    add("Jazz", genre="Jazz", tags=["swing", "bass"], licence="MIT", health="ok")
    add("Mine", audio_file="a.mp3", tags=["swing"], state="draft")
    add("Broken", health="failing")
    add("Gone", deleted_at=timezone.now())
    expected = {
        "genre=jAZZ": ["Jazz"],
        "genre=jaz": [],
        "tag=Swing": ["Jazz", "Mine"],
        "tag=bass,+swing": ["Jazz"],
        "tag=,": [],
        "tag=" + "x" * 50: [],
        "licence=MIT": ["Jazz"],
        "licence=none": ["Broken", "Mine"],
        "health=ok": ["Jazz"],
        "health=failing": ["Broken"],
        "health=unchecked": [],
        "source=upload": ["Mine"],
        "source=url": ["Broken", "Jazz"],
        "state=draft": ["Mine"],
        "state=published&source=url&health=ok": ["Jazz"],
        "deleted=yes": ["Gone"],
        "genre=%00": [],
        "": ["Broken", "Jazz", "Mine"],
    }
    assert {query: sorted(found(query)) for query in expected} == expected


@pytest.mark.parametrize(
    "query",
    [
        *("health=x", "source=x", "analysis=x", "state=deleted", "duplicates=no", "deleted=no"),
        *("created_after=2026-13-01", "created_before=x", "updated_since=-7d"),
        *("licence=X", "commercial_use=bogus", "derivatives=1", "nothing=1", "min_duration=abc"),
    ],
)
def test_invalid_filter_shows_no_clips_and_a_warning(chief_client: Client, query: str) -> None:
    add("A")
    answer = chief_client.get(f"{LIST}?{query}", follow=True)
    warning = "The list has no such filter, or the filter no such value: no clips shown."
    assert [str(message) for message in get_messages(answer.wsgi_request)] == [warning]
    changelist = answer.context["cl"]
    assert (changelist.result_count, list(changelist.result_list)) == (0, [])


def test_page_after_the_last_is_the_first(chief_client: Client) -> None:
    Clip.objects.bulk_create(
        Clip(title=f"{number}", genre="jazz", duration=1, audio_url=f"https://a.example/{number}")
        for number in range(51)
    )
    assert len(listed(chief_client, "?genre=jazz&p=3")) == 50


def test_filters_by_credits_and_time_are_those_of_the_api() -> None:
    for number, (title, creator, licence) in enumerate(
        [("A", "Ann", "CC-BY-4.0"), ("B", "ANN", "CC-BY-NC-3.0"), ("C", "Bo", "CC-BY-ND-3.0")]
    ):
        made = datetime(2026, 1, 1 + number, 12, tzinfo=UTC)
        add(title, creator=creator, licence=licence, created_at=made, updated_at=made)
    add("D", created_at=datetime(2025, 1, 1, tzinfo=UTC))
    expected = {
        "creator=aNN": "AB",
        "creator=An": "",
        "licence=CC-BY": "A",
        "licence=CC-BY-NC": "B",
        "licence=CC-BY-NC-3.0": "B",
        "commercial_use=true": "AC",
        "commercial_use=false": "B",
        "derivatives=true": "AB",
        "derivatives=false": "C",
        "created_after=2026-01-02": "BC",
        "created_before=2026-01-02": "AD",
        "created_after=2026-01-02&created_before=2026-01-03": "B",
        "updated_since=2026-01-03T12:00:00Z": "CD",
        "commercial_use=true&creator=ann&q=ann": "A",
    }
    assert {query: "".join(sorted(found(query))) for query in expected} == expected


def test_page_names_the_applied_search_and_filters(chief_client: Client) -> None:
    page = chief_client.get(LIST + "?q=rain&health=failing&tag=storm")
    assert page.context["cl"].applied_filters() == [
        {"text": "“rain”", "url": "?health=failing&tag=storm"},
        {"text": "Tag: storm", "url": "?health=failing&q=rain"},
        {"text": "Health: Failing", "url": "?q=rain&tag=storm"},
    ]


def test_list_has_the_requested_order() -> None:
    now = timezone.now()
    old = {"health": "failing", "health_since": now - timedelta(days=9), "health_checked_at": now}
    new = {"health": "failing", "health_since": now, "health_checked_at": now - timedelta(days=3)}
    add("b", play_count=3, created_at=now - timedelta(days=3), **new)
    add("A", play_count=1, created_at=now - timedelta(days=2), **old)
    add("c", play_count=2, created_at=now - timedelta(days=1), audio_file="a.mp3")
    add("d", created_at=now - timedelta(days=4), updated_at=now + timedelta(days=1))
    orders = {
        "newest": "cAbd",
        "oldest": "dbAc",
        "title": "Abcd",
        "played": "bcAd",
        "lately": "bcAd",
        "failing": "Abcd",
        "unchecked": "dbAc",
        "2.5": "Abcd",  # by columns: title; then plays
    }
    actual = {name: "".join(found(f"o={name}")) for name in orders}
    assert actual == orders | {"failing": actual["failing"], "2.5": actual["2.5"]}
    assert actual["failing"][:2] == "Ab"
    assert found("o=changed")[0] == "d"


def test_most_played_recently_counts_thirty_days() -> None:
    add("Classic", play_count=100)
    hit = add("Hit", play_count=5)
    PlayTally.objects.create(
        clip=hit,
        quarter=timezone.now().replace(minute=0, second=0, microsecond=0),
        plays=5,
        people=0,
    )
    kept_ranking.renew()
    assert found("o=lately") == ["Hit", "Classic"]


def test_order_is_remembered_per_editor(chief_client: Client) -> None:
    add("b")
    add("a")
    assert listed(chief_client) == ["a", "b"]  # newest first
    add("c")
    for order, titles in (("title", "abc"), ("-1", "cba"), ("nonsense", "cab")):
        assert "".join(listed(chief_client, f"?o={order}")) == titles
    assert "".join(listed(chief_client)) == "cba"  # the last valid one
    assert listed(chief_client, "?o=") == listed(chief_client) == ["c", "a", "b"]  # no column
    listed(chief_client, "?o=title")
    chief_client.force_login(editor("other"))
    assert "".join(listed(chief_client)) == "cab"


@pytest.mark.parametrize("order", ["2", "-3", "newest", "played"])
def test_no_clip_appears_on_two_pages(order: str) -> None:
    now = timezone.now()
    Clip.objects.bulk_create(
        Clip(title=str(n), genre="x", duration=1, audio_url="https://a.example/", created_at=now)
        for n in range(120)
    )
    pages = [found(f"o={order}&p={number}") for number in (1, 2, 3)]
    assert len({title for page in pages for title in page}) == 120


def test_known_words_are_suggested(chief_client: Client) -> None:
    add(genre="Jazz", tags=["swing", "bass"], creator="Bo")
    add(genre="jazz", tags=["swing"], creator="Ann")
    add(genre="ambient", creator="Ann")
    assert chief_client.get(LIST + "words").json() == {
        "genre": ["ambient", "Jazz"],
        "tag": ["swing", "bass"],
        "creator": ["Ann", "Bo"],
    }


def test_viewer_is_offered_no_actions(client: Client) -> None:
    clip = add()
    client.force_login(editor("analyst", "view_clip"))
    page = client.get(LIST)
    assert page.context["action_form"] is None
    assert "_selected_action" not in page.text
    form = {"action": "publish", "_selected_action": clip.pk, "index": 0}
    client.post(LIST, form)
    assert client.get(f"{LIST}{clip.pk}/withdraw/").status_code == 403


def test_user_without_permission_for_clips_hears_none(client: Client) -> None:
    clip = add(audio_file="samples/ambient-sounds.mp3")
    client.force_login(editor("gardener", "view_playevent"))
    for path in ("", f"{clip.pk}/audio", "words"):
        assert client.get(LIST + path).status_code == 403, path


def test_empty_list_says_whether_a_search_or_filter_applied(chief_client: Client) -> None:
    assert "Nothing here yet" in chief_client.get(LIST).text
    sought = chief_client.get(f"{LIST}?q=rain&state=draft").text
    assert "No clips match “rain” and these filters." in sought
    assert "Nothing here yet" not in sought
