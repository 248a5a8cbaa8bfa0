"""The preview on a clip's page: its settings, a trial of them, and the stored file."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from procrastinate.contrib.django.models import ProcrastinateJob

from harness.chromium import CHROMIUM
from library.admin.clips import preview
from library.models import Clip, PlayEvent, Rendition
from tests.support.editors import editor
from tests.support.pages import Open
from tests.support.recipes import make_clip
from tests.support.renditions import SHORT, analysed, with_renditions

pytestmark = pytest.mark.django_db(transaction=True)
TRIAL = {"preview_start": "2", "preview_length": "8", "preview_fade_in": "", "preview_fade_out": ""}
FORM = {"title": "A", "genre": "a", "duration": "28.5", "tags": "", "description": ""}


def url(clip: Clip, name: str) -> str:
    return f"/admin/library/clip/{clip.pk}/{name}"


def test_trial_returns_the_excerpt_and_saves_nothing(admin_client: Client) -> None:
    saved = with_renditions()
    clip = analysed(make_clip(state="draft"))
    response = admin_client.post(url(clip, "try-preview"), TRIAL)
    assert (response.status_code, response["Content-Type"]) == (200, "audio/mpeg")
    assert "no-store" in response["Cache-Control"]
    assert response.content == b"".join(admin_client.get(url(saved, "preview")))
    clip.refresh_from_db()
    assert clip.preview_start is None
    assert not Rendition.objects.filter(clip=clip).exists()
    assert not PlayEvent.objects.exists()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"preview_length": "4"}, "5"),
        ({"preview_start": "x"}, "Enter a number."),
        ({"preview_start": "28.6"}, "must start before the end of the audio"),
        ({"preview_fade_in": "6", "preview_fade_out": "3"}, "must not be longer than the preview"),
    ],
)
def test_impossible_trial_is_refused(
    admin_client: Client, values: dict[str, str], sentence: str
) -> None:
    response = admin_client.post(url(analysed(make_clip()), "try-preview"), TRIAL | values)
    assert (response.status_code, response["Content-Type"]) == (422, "text/plain")
    assert sentence in response.content.decode()


def test_trials_are_limited(admin_client: Client) -> None:
    for _ in range(preview.MAX_TRIALS):
        preview._places.acquire()
    try:
        assert admin_client.post(url(make_clip(), "try-preview"), TRIAL).status_code == 503
    finally:
        preview._places.release(preview.MAX_TRIALS)


def test_trial_needs_the_permission_to_change_clips(client: Client) -> None:
    clip = make_clip()
    client.force_login(editor("reader", "view_clip"))
    assert client.post(url(clip, "try-preview"), TRIAL).status_code == 403
    client.logout()
    assert client.post(url(clip, "try-preview"), TRIAL).status_code == 302


def test_stored_preview_is_no_play(admin_client: Client) -> None:
    clip = with_renditions()
    Clip.objects.update(state="draft")
    response = admin_client.get(url(clip, "preview"))
    assert response.status_code == 200
    assert len(b"".join(response)) == (clip.renditions or [{}])[0]["size_bytes"]
    assert not PlayEvent.objects.exists()


def facts(clip: Clip) -> str:
    found = preview.preview_context(Clip.objects.get(pk=clip.pk))
    return f"{found['facts']}|{found['sentence']}"


def test_page_says_how_far_the_preview_is() -> None:
    clip = make_clip()
    assert facts(clip) == "|It is made after the audio has been analysed."
    clip = with_renditions()
    assert facts(clip) == "8 s, 194 kB|"
    Rendition.objects.update(state="pending")
    assert "Until then" in facts(clip)
    Rendition.objects.update(state="failed", failure="damaged")
    assert "It could not be made. The file is damaged" in facts(clip)
    Rendition.objects.update(failure="origin_unreachable")
    assert "The origin could not be reached." in facts(clip)


def test_saving_other_settings_has_the_preview_made_again(admin_client: Client) -> None:
    clip = with_renditions()
    values = FORM | {"preview_start": "2", "preview_length": "6"}
    assert admin_client.post(url(clip, "change/"), values).status_code == 302
    (job,) = ProcrastinateJob.objects.filter(task_name="make_rendition")
    assert job.args == {"clip_id": clip.pk, "part": "preview", "format": "mp3", "quality": "high"}
    clip.refresh_from_db()
    assert (clip.preview_length, len(clip.renditions or ())) == (6, 1)


def test_saving_the_same_settings_makes_nothing(admin_client: Client) -> None:
    clip = with_renditions()
    values = FORM | {"title": "Other", "preview_start": "2", "preview_length": "8"}
    assert admin_client.post(url(clip, "change/"), values).status_code == 302
    assert not ProcrastinateJob.objects.filter(task_name="make_rendition").exists()


def test_new_source_forgets_the_renditions(admin_client: Client) -> None:
    clip = with_renditions()
    values = FORM | {"audio_source": "url", "audio_url": "https://example.com/other.mp3"}
    assert admin_client.post(url(clip, "change/"), values).status_code == 302
    clip.refresh_from_db()
    assert (clip.audio, clip.renditions) == (None, None)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"preview_start": "28.6"}, "preview_start"),
        ({"preview_length": "5", "preview_fade_in": "6"}, "preview_fade_in"),
    ],
)
def test_form_reports_a_contradiction_at_its_field(
    admin_client: Client, values: dict[str, str], field: str
) -> None:
    clip = analysed(make_clip())
    response: Any = admin_client.post(url(clip, "change/"), FORM | values)
    assert list(response.context["adminform"].form.errors) == [field]


@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: make system-tools")
def test_editor_hears_the_values_before_saving(
    open_page: Open, wait_for_play: Callable[[Page, str], float]
) -> None:
    clip = analysed(make_clip(**SHORT))
    page = open_page(url(clip, "change/"), editor())
    page.get_by_label("Length").fill("4")
    button = page.get_by_role("button", name="Play with these values")
    button.click()
    expect(page.locator("#clip-try-report")).to_contain_text("5")
    page.get_by_label("Length").fill("5")
    button.focus()
    page.keyboard.press("Enter")
    assert wait_for_play(page, "#clip-tried audio") == pytest.approx(5, abs=0.03)
    page.get_by_label("Fade-in").fill("1")
    expect(page.locator("#clip-tried")).to_be_hidden()


@pytest.fixture
def wait_for_play() -> Callable[[Page, str], float]:
    """Wait until an audio element plays; return its duration."""

    def wait(page: Page, selector: str) -> float:
        audio = f"document.querySelector('{selector}')"
        page.wait_for_function(f"{audio}.currentTime > 0", timeout=20_000)
        return float(page.evaluate(f"{audio}.duration"))

    return wait
