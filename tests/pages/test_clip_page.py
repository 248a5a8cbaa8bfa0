"""The page of a clip, by requests."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from library.models import Clip, State
from library.pages.clip_metadata import iso_duration
from library.pages.more_clips import more_clips
from library.pages.play_chart import DAYS, play_chart
from tests.support.analyses import analysed
from tests.support.audio_facts import FACTS
from tests.support.plays import add_plays
from tests.support.recipes import linked_clip, sample_clip
from tests.support.renditions import PREVIEW, with_renditions

pytestmark = pytest.mark.django_db
HOSTILE = "</script><script>alert(1)</script>\"'&<!--"


def page_of(client: Client, clip: Clip, **options: Any) -> str:
    return client.get(f"/clips/{clip.pk}", **options).content.decode()


def metas(html: str) -> dict[str, str]:
    """Return the contents of the `meta` elements by their names or properties."""
    return dict(re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)">', html))


def json_ld(html: str) -> Any:
    [text] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)
    return json.loads(text)


def test_page_shows_a_clip_with_links_to_its_values(client: Client) -> None:
    clip = sample_clip.make(
        title="Rain & Thunder",
        description="First line\nSecond line\n\nhttps://example.com/a <i>",
        genre="drum & bass",
        tags=["night drive"],
        creator="A & B",
        creator_url="https://example.com/ab",
        licence="CC-BY-NC-SA-4.0",
    )
    html = page_of(client, clip)
    assert "Rain &amp; Thunder</h1>" in html
    assert 'href="/?tag=night+drive"' in html
    assert 'href="/?genre=drum+%26+bass"' in html
    assert 'href="/?creator=A+%26+B"' in html
    assert "<p>First line<br>Second line</p>" in html
    assert (
        '<a href="https://example.com/a" rel="nofollow">https://example.com/a</a> &lt;i&gt;' in html
    )
    assert escape(str(clip.attribution)) in html
    assert '<a href="https://creativecommons.org/licenses/by-nc-sa/4.0/" rel="license' in html
    assert "Not: </span>Use it commercially" in html
    assert "share that under the same licence" in html
    assert f'href="/clips/{clip.pk}/report"' in html


@pytest.mark.parametrize(
    ("state", "status", "text"),
    [
        ({"state": State.DRAFT}, 404, "Page not found"),
        (
            {"state": State.WITHDRAWN, "withdrawn_reason": "A <sample> is unlicensed."},
            410,
            "This clip was withdrawn: A &lt;sample&gt; is unlicensed.",
        ),
        ({"state": State.WITHDRAWN}, 410, "This clip was withdrawn."),
        ({"deleted_at": timezone.now()}, 410, "This clip was deleted."),
        ({"state": State.WITHDRAWN, "deleted_at": timezone.now()}, 410, "This clip was deleted."),
    ],
)
def test_hidden_clip_has_an_error_page(
    client: Client, state: dict[str, Any], status: int, text: str
) -> None:
    clip = sample_clip.make(title="Hidden one", **state)
    response = client.get(f"/clips/{clip.pk}", headers={"Accept": "text/html"})
    assert response.status_code == status
    assert text in response.content.decode()
    assert "Hidden one" not in response.content.decode()
    assert client.head(f"/clips/{clip.pk}").status_code == status


def test_program_gets_the_reason_as_json(client: Client) -> None:
    clip = sample_clip.make(state=State.WITHDRAWN, withdrawn_reason="Rights.")
    response = client.get(f"/clips/{clip.pk}", headers={"Accept": "application/json"})
    assert (response.status_code, response.json()["code"]) == (410, "clip_withdrawn")


@pytest.mark.parametrize("path", ["/clips/0", "/clips/999999999999999999", "/clips/x", "/clips/"])
def test_unknown_clip_is_404(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_head_has_the_headers_of_get(client: Client) -> None:
    clip = sample_clip.make()
    response = client.head(f"/clips/{clip.pk}")
    assert (response.status_code, response.content) == (200, b"")
    assert response["Content-Type"] == "text/html; charset=utf-8"


def test_open_graph_names_the_audio_and_the_image(client: Client) -> None:
    clip = sample_clip.make(title="Rain", description="It\n rains.")
    analysed(clip)
    found = metas(page_of(client, clip))
    stream = f"http://testserver/api/v1/clips/{clip.pk}/stream"
    assert found["og:type"] == "music.song"
    assert (found["og:title"], found["og:description"]) == ("Rain", "It rains.")
    assert found["og:url"] == f"http://testserver/clips/{clip.pk}"
    assert (found["og:audio"], found["og:audio:type"]) == (stream, "audio/mpeg")
    assert (found["og:image:width"], found["og:image:height"]) == ("1200", "630")
    image = client.get(found["og:image"].replace("&amp;", "&"))
    assert (image.status_code, image["Content-Type"]) == (200, "image/png")
    assert image.content[16:24] == (1200).to_bytes(4) + (630).to_bytes(4)
    assert found["twitter:card"] == "summary_large_image"
    assert "og:audio:secure_url" not in found


def test_twitter_shows_the_player_over_https(client: Client) -> None:
    clip = sample_clip.make()
    analysed(clip)
    found = metas(page_of(client, clip, secure=True))
    assert found["twitter:card"] == "player"
    assert found["twitter:player"] == f"https://testserver/embed/{clip.pk}"
    assert found["og:audio:secure_url"].startswith("https://")


def test_clip_without_an_analysis_has_no_image(client: Client) -> None:
    html = page_of(client, sample_clip.make())
    found = metas(html)
    assert found["twitter:card"] == "summary"
    assert not [name for name in found if name.startswith("og:image")]
    assert "thumbnailUrl" not in json_ld(html)
    assert "Facts about the audio" not in html


def test_facts_of_the_audio_are_those_of_the_back_office(client: Client) -> None:
    html = page_of(client, sample_clip.make(audio=FACTS))
    for value in ("MP3, lossy", "44,100 Hz, stereo", "128 kbit/s", "-16.4 LUFS, range 3.2 LU"):
        assert f"<dd>{value}</dd>" in html


def test_json_ld_describes_the_audio(client: Client) -> None:
    clip = sample_clip.make(creator="Ann", licence="CC-BY-4.0", duration=90.5, play_count=3)
    found = json_ld(page_of(client, clip))
    assert found["@type"] == "AudioObject"
    assert found["contentUrl"] == f"http://testserver/api/v1/clips/{clip.pk}/stream"
    assert found["embedUrl"] == f"http://testserver/embed/{clip.pk}"
    assert (found["encodingFormat"], found["duration"]) == ("audio/mpeg", "PT1M30.5S")
    assert found["license"] == "https://creativecommons.org/licenses/by/4.0/"
    assert found["creator"] == {"@type": "Person", "name": "Ann"}
    assert found["creditText"] == clip.attribution
    assert found["interactionStatistic"]["userInteractionCount"] == 3
    assert found["isAccessibleForFree"] is True


def test_type_of_unknown_audio_is_left_out(client: Client) -> None:
    html = page_of(client, linked_clip.make(audio_url="https://example.com/audio"))
    assert "encodingFormat" not in json_ld(html)
    assert "og:audio:type" not in metas(html)


def test_hostile_text_stays_text(client: Client) -> None:
    clip = sample_clip.make(title=HOSTILE, creator=HOSTILE, genre=HOSTILE, tags=[HOSTILE.lower()])
    Clip.objects.filter(pk=clip.pk).update(description=f"{HOSTILE}\u2028\n\njavascript:alert(1)")
    html = page_of(client, clip)
    found = json_ld(html)
    assert (found["name"], found["creator"]["name"]) == (HOSTILE, HOSTILE)
    assert "alert(1)</script>" not in html.replace("application/ld+json", "")
    assert "\u2028" not in html.partition("ld+json")[2].partition("</script>")[0]
    assert 'href="javascript' not in html


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.001, "PT0.001S"), (28.5, "PT28.5S"), (60, "PT1M0S"), (3599.9996, "PT60M0S")],
)
def test_duration_by_iso_8601(seconds: float, text: str) -> None:
    assert iso_duration(seconds) == text


def test_downloads_are_the_original_and_each_rendition(client: Client) -> None:
    clip = with_renditions(PREVIEW)
    html = page_of(client, clip)
    stream = f"/api/v1/clips/{clip.pk}/stream"
    files = re.findall(r'<a href="([^"]+)" download>([^<]+)</a>', html)
    assert files == [
        (f"{stream}?download=1", "Original, MP3"),
        (
            f"{stream}?part=preview&amp;format=mp3&amp;quality=high&amp;download=1",
            "Preview, MP3, high quality",
        ),
    ]
    assert "A download counts as a play." in html


def test_only_previews_can_be_downloaded_if_no_more_is_public(
    client: Client, settings: Any
) -> None:
    settings.CLIPS_PUBLISH = "preview"
    html = page_of(client, with_renditions(PREVIEW))
    assert re.findall(r"download>([^<]+)</a>", html) == ["Preview, MP3, high quality"]
    assert json_ld(html)["duration"] == "PT8S"
    assert re.findall(r"download>", page_of(client, sample_clip.make())) == []


def test_more_clips_are_by_the_creator_then_by_tag_then_by_genre() -> None:
    genre = sample_clip.make(genre="Ambient")
    tagged = sample_clip.make(genre="x", tags=["rain", "night"])
    first, second = (sample_clip.make(genre="x", creator=name) for name in ("ANN", "Ann"))
    sample_clip.make(genre="x")
    for hidden in ({"state": State.DRAFT}, {"deleted_at": timezone.now()}):
        sample_clip.make(creator="Ann", **hidden)
    clip = sample_clip.make(creator="Ann", tags=["rain"])
    assert more_clips(clip) == [second, first, tagged, genre]


def test_more_clips_are_six_at_most_and_each_once() -> None:
    clips = [sample_clip.make(creator="Ann", tags=["rain"]) for _ in range(9)]
    assert more_clips(clips[8]) == [clips[n] for n in (7, 6, 5, 4, 3, 2)]


def test_chart_has_the_plays_of_each_day(client: Client) -> None:
    clip, now = sample_clip.make(), timezone.now()
    add_plays(clip, [now, now, now - timedelta(days=29), now - timedelta(days=30)])
    chart = play_chart(clip.pk, now)
    assert [day.plays for day in chart.days] == ["1", *["0"] * (DAYS - 2), "2"]
    assert (chart.plays, chart.busiest) == (3, chart.days[-1])
    assert chart.path == "M5 40v-20M295 40v-40"
    html = page_of(client, clip)
    assert "<strong>3</strong> in the last 30 days" in html
    assert html.count("<tr><td>") == DAYS


def test_chart_of_a_clip_without_plays_is_left_out(client: Client) -> None:
    html = page_of(client, sample_clip.make())
    assert "<strong>0</strong> plays in total" in html
    assert "<svg" not in html


def test_page_costs_a_constant_number_of_queries(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    clips = [sample_clip.make(creator="Ann", tags=["a"]) for _ in range(8)]
    for clip in clips:
        analysed(clip)
    with django_assert_num_queries(5):  # the clip, more clips twice, waveforms, plays
        page_of(client, clips[0])


def test_page_sets_no_cookie(client: Client) -> None:
    response = client.get(f"/clips/{sample_clip.make().pk}")
    assert not response.cookies
    assert "Cookie" not in response.get("Vary", "")
