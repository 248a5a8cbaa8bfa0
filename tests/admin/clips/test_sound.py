"""The measured audio in the back office: a clip's page, its buttons, and the list."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from library import history
from library.models import AudioAnalysis, Clip, Task
from tests.support.audio_facts import FACTS, facts
from tests.support.editors import editor
from tests.support.recipes import make_clip

pytestmark = pytest.mark.django_db
LIST = "/admin/library/clip/"


def page_of(clip: Clip) -> str:
    return f"{LIST}{clip.pk}/change/"


@pytest.fixture
def browser(client: Client) -> Client:
    client.force_login(editor())
    return client


def shown(browser: Client, clip: Clip) -> str:
    return " ".join(browser.get(page_of(clip)).content.decode().split())


def add_analysis(clip: Clip, **fields: Any) -> None:
    AudioAnalysis.objects.create(clip=clip, audio_etag='"a"', sha256="0" * 64, **fields)


def test_page_shows_the_facts(browser: Client) -> None:
    page = shown(browser, make_clip(audio=FACTS))
    for value in (
        "MP3, lossy",
        "44,100 Hz, stereo",
        "128 kbit/s",
        "28.50 s",
        "-16.4 LUFS, range 3.2 LU",
        "-1.7 dBTP",
        "0.0 s at the start, 0.3 s at the end",
        "+0.7 dB to -14 LUFS, -1.6 dB to -18 LUFS",
    ):
        assert f"<dd>{value}</dd>" in page
    assert "Set the duration" not in page
    assert "truncated" not in page


def test_page_shows_what_could_not_be_measured_and_what_is_wrong(browser: Client) -> None:
    silent = facts(
        loudness=None,
        loudness_range=None,
        true_peak=None,
        gain={"-14": None, "-18": None},
        truncated=True,
        clippings=1,
        channels=6,
        codec="opus",
        container="ogg",
    )
    page = shown(browser, make_clip(audio=silent))
    assert page.count("<dd>not measurable</dd>") == 2
    assert "The audio is truncated: it ends before its file says it does." in page
    assert "<dd>in 1 place</dd>" in page
    assert "6 channels" in page
    assert "Opus in OGG, lossy" in page
    assert "dB to" not in page


def test_page_tells_damaged_audio_from_truncated_audio(browser: Client) -> None:
    damaged = facts(damaged_packets=3)
    page = shown(browser, make_clip(audio=damaged))
    assert "Parts of the file are damaged and cannot be heard." in page
    assert "<dd>3 packets</dd>" in page
    assert "runcated" not in page
    del damaged["damaged_packets"]  # as an older version saved them
    assert "damaged" not in shown(browser, make_clip(audio=damaged))


def test_waveform_is_requested_only_if_there_is_one(browser: Client) -> None:
    for clip, has_one in ((make_clip(), False), (make_clip(audio=FACTS), True)):
        assert (f'data-waveform="{LIST}{clip.pk}/waveform"' in shown(browser, clip)) == has_one


def test_page_says_why_there_are_no_facts(browser: Client) -> None:
    clip = make_clip()
    assert "<p>Not analysed yet.</p>" in shown(browser, clip)
    add_analysis(clip, source=clip.source, failure="damaged")
    assert "<p>Not analysed. The file is damaged: no audio could be" in shown(browser, clip)
    later = timezone.now() + timedelta(minutes=64, seconds=5)
    AudioAnalysis.objects.update(
        source="other", obstacle="origin_timeout", next_attempt_at=later, attempts=3
    )
    page = shown(browser, clip)
    assert "Not analysed yet. The origin took too long to respond. Next attempt in 1" in page


@pytest.mark.parametrize(("stored", "offered"), [(28.0, False), (29.0, False), (27.99, True)])
def test_other_duration_is_shown_with_a_button(
    browser: Client, stored: float, offered: bool
) -> None:
    page = shown(browser, make_clip(duration=stored, audio=FACTS))
    assert ('<button class="clip-button">Set the duration to 28.5 s</button>' in page) == offered


def test_readers_see_the_facts_without_buttons(client: Client) -> None:
    client.force_login(editor("reader", "view_clip"))
    clip = make_clip(duration=40, audio=FACTS)
    page = shown(client, clip)
    assert "The audio lasts <b>28.5 s</b>" in page
    assert "clip-button" not in page
    assert "Separated by commas" not in page
    assert "Leave empty" not in page
    for action in ("duration", "analyse"):
        assert client.post(f"{LIST}{clip.pk}/{action}/").status_code == 403


def set_duration(browser: Client, clip: Clip, **changed: str) -> str:
    """Press the button, and return the message."""
    sent = {"version": clip.updated_at.isoformat(), "etag": FACTS["etag"]}
    answer = browser.post(f"{LIST}{clip.pk}/duration/", sent | changed, follow=True)
    assert answer.redirect_chain == [(page_of(clip), 302)]
    return " ".join(str(message) for message in answer.context["messages"])


def test_button_sets_the_measured_duration_once(browser: Client) -> None:
    clip = make_clip(duration=40, audio=facts(duration=28.123456))
    read = clip.updated_at
    assert set_duration(browser, clip) == "The duration is now 28.123 s, as measured."
    clip.refresh_from_db()
    assert clip.duration == 28.123
    assert clip.updated_at > read
    entry = history.entries_of(clip).get()
    assert history.changed_values(entry) == [("duration", "40.0", "28.123")]
    clip.updated_at = read
    assert "Nothing was changed" in set_duration(browser, clip)
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize(
    "changed", [{"version": "2020-01-01T00:00:00+00:00"}, {"etag": '"other"'}, {"version": ""}]
)
def test_button_of_an_outdated_page_changes_nothing(
    browser: Client, changed: dict[str, str]
) -> None:
    clip = make_clip(duration=40, audio=FACTS)
    assert "Nothing was changed: this clip or its audio" in set_duration(browser, clip, **changed)
    clip.refresh_from_db()
    assert clip.duration == 40


def test_only_a_post_changes_something(browser: Client) -> None:
    clip = make_clip(duration=40, audio=FACTS)
    for action in ("duration", "analyse"):
        assert browser.get(f"{LIST}{clip.pk}/{action}/").status_code == 405
    gone = make_clip(duration=40, audio=FACTS, deleted_at=timezone.now())
    assert browser.post(f"{LIST}{gone.pk}/duration/").status_code == 404


def test_clips_are_analysed_again(browser: Client) -> None:
    clips = [make_clip(audio=FACTS) for _ in range(3)]
    Task.objects.all().delete()  # that their addition has requested
    answer = browser.post(f"{LIST}{clips[0].pk}/analyse/", follow=True)
    assert "The audio will be analysed again." in answer.content.decode()
    ticked = {"action": "analyse_again", "_selected_action": [clip.pk for clip in clips[1:]]}
    answer = browser.post(LIST, ticked, follow=True)
    assert "The audio of 2 clips will be analysed again." in answer.content.decode()
    tasks = Task.objects.filter(task_name="analyse_clip").order_by("pk")
    assert [task.args for task in tasks] == [{"clip_id": c.pk, "again": True} for c in clips]


def test_list_is_filtered_by_the_analysis(browser: Client) -> None:
    make_clip(title="Right", audio=FACTS)
    make_clip(title="Longer", duration=29.1, audio=FACTS)
    make_clip(title="Cut", audio=facts(truncated=True))
    make_clip(title="Clipped", audio=facts(clippings=3))
    failed = make_clip(title="Failed")
    add_analysis(failed, source=failed.source, failure="damaged")
    other = make_clip(title="Other source")
    add_analysis(other, source="before", failure="damaged")
    make_clip(title="New")
    expected = {
        "duration": ["Longer"],
        "truncated": ["Cut"],
        "clipping": ["Clipped"],
        "failed": ["Failed"],
        "none": ["New", "Other source"],
    }
    found = {
        value: sorted(
            clip.title for clip in browser.get(f"{LIST}?analysis={value}").context["cl"].result_list
        )
        for value in expected
    }
    assert found == expected
