"""Imports that choose previews."""

import json
from typing import Any

import pytest
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from library.models import Clip
from tests.admin.exchange.steps import Importing
from tests.support.recipes import linked_clip


@pytest.fixture
def importing(admin_client: Client) -> Importing:
    return Importing(admin_client)


def test_import_has_changed_previews_made(importing: Importing) -> None:
    clip, other = linked_clip.make(), linked_clip.make(preview_start=2)
    rows = f"id,preview_start,title\n{clip.pk},3.5,A\n{other.pk},2,B\n"
    importing.choose(rows).confirm()
    assert Clip.objects.get(pk=clip.pk).preview_start == 3.5
    (job,) = ProcrastinateJob.objects.filter(task_name="renew_renditions_of")
    assert job.args == {"clip_ids": [clip.pk]}


def test_import_of_other_fields_makes_nothing(importing: Importing) -> None:
    clip = linked_clip.make()
    importing.choose(f"id,title\n{clip.pk},A\n").confirm()
    assert not ProcrastinateJob.objects.filter(task_name="renew_renditions_of").exists()


def test_new_source_forgets_the_renditions(importing: Importing) -> None:
    clip = linked_clip.make(audio={"duration": 28.5}, renditions=[])
    importing.choose(f"id,audio_url\n{clip.pk},https://example.com/other.mp3\n").confirm()
    clip.refresh_from_db()
    assert (clip.audio, clip.renditions) == (None, None)


@pytest.mark.parametrize("published", ["preview", "whole"])
def test_json_of_the_api_leaves_the_sources_unchanged(
    importing: Importing, client: Client, settings: Any, published: str
) -> None:
    clip = linked_clip.make(audio_url="https://example.com/a.mp3")
    settings.CLIPS_PUBLISH = "preview"
    exported = client.get("/api/v1/clips").json()
    settings.CLIPS_PUBLISH = published
    exported[0]["title"] = "Better"
    importing.choose(json.dumps(exported), "clips.json").confirm()
    clip.refresh_from_db()
    assert (clip.title, clip.audio_url) == ("Better", "https://example.com/a.mp3")


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ("28.5,,,", "must start before the end of the audio, which lasts 28.5 s"),
        (",5,3,2.5", "must not be longer than the preview, which lasts 5 s"),
        (",4,,", "A preview lasts 5 to 60 seconds."),
    ],
)
def test_impossible_preview_is_refused(importing: Importing, cells: str, sentence: str) -> None:
    clip = linked_clip.make()
    columns = "id,preview_start,preview_length,preview_fade_in,preview_fade_out"
    preview = importing.choose(f"{columns}\n{clip.pk},{cells}\n")
    assert sentence in preview.text
    assert not preview.may_be_confirmed
