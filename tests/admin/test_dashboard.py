"""The dashboard at /admin/: its HTML and number of queries."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from library.history import note_changes, values_of
from library.models import LibraryTally, PlayTally
from library.statistics.library import recent_plays
from library.statistics.ranking import kept_ranking
from tests.support.recipes import make_clip

NOW = timezone.now()


@pytest.fixture
def staff(client: Client, db: None) -> Callable[..., Client]:
    """Logs in a member of staff with these permissions."""

    def log_in(*permissions: str) -> Client:
        user = User.objects.create(username="somebody", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client.force_login(user)
        return client

    return log_in


def words(html: str) -> str:
    """The text of a page, in one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_today_is_compared_with_yesterday_by_this_time(db: None) -> None:
    now = datetime(2026, 5, 10, 9, 40, tzinfo=UTC)
    for day, clock, plays in (
        (10, "00:00", 3),
        (10, "09:30", 3),
        (9, "23:45", 100),
        (9, "09:30", 50),  # not over by this time
        (9, "09:15", 1),
        (9, "00:00", 3),
        (8, "23:45", 100),
    ):
        quarter = datetime.fromisoformat(f"2026-05-{day:02}T{clock}+00:00")
        LibraryTally.objects.create(quarter=quarter, slot=0, plays=plays, people=plays // 3)
    assert recent_plays(now)["today"] == {
        "plays": 6,
        "plays_before": 4,
        "change": 0.5,
        "people": 2,
        "people_before": 1,
    }
    assert recent_plays(now)["last_7_days"]["plays"] == 260


def test_cards_show_the_trend_in_words(staff: Callable[..., Client]) -> None:
    quarter = NOW.replace(minute=0, second=0, microsecond=0)
    for days, plays in ((0, 1500), (8, 1000), (31, 5000)):
        LibraryTally.objects.create(quarter=quarter - timedelta(days), slot=0, plays=plays)
    page = words(staff("view_clip").get("/admin/").text)
    assert "Plays in 7 days 1,500 50 % more than in the 7 days before" in page
    assert "Plays in 30 days 2,500 50 % fewer than in the 30 days before" in page


def test_chart_has_a_table_of_its_numbers(staff: Callable[..., Client]) -> None:
    LibraryTally.objects.create(quarter=NOW, slot=0, plays=1234, people=1000)
    page = staff("view_clip").get("/admin/").text
    assert page.count('<th scope="row">') == 30
    assert "<td>1234</td><td>1000</td>" in page
    assert "1,000 by people" in words(page)
    assert "Plays per day: 1,234 in 30 days, most on" in page


def test_broken_sources_drafts_and_newest_clips_are_listed(staff: Callable[..., Client]) -> None:
    url = "https://audio.example.com/a.mp3"
    since = NOW - timedelta(hours=3, minutes=5)
    make_clip(
        title="Lost Rain",
        audio_url=url,
        health="failing",
        health_reason="origin_dns_failed",
        health_since=since,
    )
    make_clip(title="Old Rain", audio_url=url, health="failing", deleted_at=NOW)
    make_clip(title="Half Done", state="draft", created_at=NOW - timedelta(days=2))
    client = staff("view_clip", "change_clip", "add_clip")
    page = client.get("/admin/")
    text = words(page.text)
    reason = "The origin&#x27;s host name could not be resolved."
    assert f"Lost Rain {reason} audio.example.com, for 3 hours" in text
    assert "Half Done ambient, 2 days ago The draft" in text
    assert "Old Rain" not in text
    for link in (page.context["failing_url"], page.context["drafts_url"]):
        assert len(client.get(link).context["cl"].result_list) == 1
    counts = words(client.get("/admin/dashboard/sources/").text)
    assert "Unchecked 1 Ok 0 Failing 1 Last check never" in counts


def test_most_played_clips_are_ranked(staff: Callable[..., Client]) -> None:
    client = staff("view_clip")
    for title, plays in (("Quiet", 3), ("Loud", 1200)):
        PlayTally.objects.create(clip=make_clip(title=title), quarter=NOW, plays=plays, people=1)
    kept_ranking.renew()
    assert "1 Loud 1,200 (1 by people) 2 Quiet 3 (1 by people)" in words(
        client.get("/admin/dashboard/top/").text
    )


def test_recent_changes_are_shown_to_editors(staff: Callable[..., Client]) -> None:
    clip = make_clip()
    before = values_of(clip)
    clip.title = "Evening Rain"
    clip.save()
    note_changes(User.objects.create(username="anna"), [(before, clip)])
    page = words(staff("view_clip", "change_clip").get("/admin/").text)
    assert "Recent changes Evening Rain Changed title. anna, 0 minutes ago" in page


def test_analyst_is_offered_nothing_to_change(
    staff: Callable[..., Client],
) -> None:
    clip = make_clip()
    page = staff("view_clip").get("/admin/").text
    assert clip.title in page
    assert "/clip/add/" not in page
    assert "Recent changes" not in page


def test_user_without_permission_for_clips_sees_only_plays(staff: Callable[..., Client]) -> None:
    clip = make_clip()
    client = staff("view_group")
    page = client.get("/admin/").text
    assert "Plays in 7 days" in page
    assert clip.title not in page
    assert "/admin/dashboard/" not in page
    for name in ("top", "sources", "store"):
        assert client.get(f"/admin/dashboard/{name}/").status_code == HTTPStatus.FORBIDDEN


def test_parts_require_a_login(client: Client) -> None:
    answer = client.get("/admin/dashboard/store/")
    assert answer.headers["Location"].startswith("/admin/login/")


def test_empty_library_offers_to_add_a_clip(staff: Callable[..., Client]) -> None:
    page = staff("view_clip", "add_clip").get("/admin/").text
    assert "Add the first clip" in page
    assert "Plays in 7 days" not in page


def test_empty_library_offers_an_analyst_nothing(staff: Callable[..., Client]) -> None:
    page = staff("view_clip").get("/admin/").text
    assert "There are no clips yet" in page
    assert "Add the first clip" not in page


def test_page_takes_a_constant_number_of_queries(staff: Callable[..., Client]) -> None:
    client = staff("view_clip", "change_clip", "add_clip")
    needed = []
    for _ in range(2):
        for state in ("draft", "published"):
            for _ in range(4):
                make_clip(state=state, health="failing")
        client.get("/admin/")  # reads content types once
        with CaptureQueriesContext(connection) as queries:
            client.get("/admin/")
        needed.append(len(queries))
    assert needed[0] == needed[1] <= 12
    assert not any("library_playevent" in query["sql"] for query in queries.captured_queries)
