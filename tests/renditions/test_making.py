"""Renditions are made completely, stored by their content, and listed by their clip."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.forms import model_to_dict
from django.utils import timezone

from library.models import AudioAnalysis, Clip, Rendition
from library.renditions import files
from library.renditions.making import make
from library.renditions.publishing import list_current, publish
from library.renditions.variants import VARIANTS, Variant
from tests.support.recipes import linked_clip, make_clip
from tests.support.renditions import PREVIEW, analysed, with_renditions

pytestmark = pytest.mark.django_db(transaction=True)


def row_of(clip: Clip, variant: Variant = PREVIEW) -> Rendition:
    return Rendition.objects.get(clip=clip, **variant._asdict())


def stored() -> set[Path]:
    return set((Path(settings.MEDIA_ROOT) / files.FOLDER).rglob("*.*"))


def test_rendition_is_listed_with_its_facts() -> None:
    clip = with_renditions()
    (made,) = clip.renditions or [{}]
    content = Path(default_storage.path(made["file"])).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert made == {
        **PREVIEW._asdict(),
        "duration": 8.0,
        "size_bytes": len(content),
        "content_type": "audio/mpeg",
        "etag": f'"{digest[:32]}"',
        "file": f"renditions/{digest[:2]}/{digest}.mp3",
    }
    assert row_of(clip).state == Rendition.State.READY
    assert not [path for path in stored() if path.suffix == ".tmp"]


def test_current_rendition_is_not_made_again() -> None:
    clip = with_renditions()
    made_at = row_of(clip).made_at
    assert made_at
    Rendition.objects.update(state=Rendition.State.PENDING)
    make(clip.pk, PREVIEW)
    assert (row_of(clip).made_at, row_of(clip).state) == (made_at, Rendition.State.READY)


def test_file_that_was_lost_is_made_again() -> None:
    clip = with_renditions()
    name = row_of(clip).file
    default_storage.delete(name)
    assert not files.exists(name)
    make(clip.pk, PREVIEW)
    assert files.exists(name)


def test_change_of_the_settings_replaces_the_preview() -> None:
    clip = with_renditions()
    before = row_of(clip)
    path = default_storage.path(before.file)
    os.utime(path, (0, 0))
    Clip.objects.update(preview_length=5.0)
    make(clip.pk, PREVIEW)
    after = row_of(clip)
    assert os.stat(path).st_mtime > 0  # it is kept for some time
    assert (before.duration, after.duration) == (8.0, 5.0)
    assert after.recipe != before.recipe
    clip.refresh_from_db()
    assert [made["duration"] for made in clip.renditions or ()] == [5.0]


def test_two_renditions_are_both_listed() -> None:
    clip = with_renditions()
    make(clip.pk, Variant("preview", "opus", "low"))
    clip.refresh_from_db()
    assert [made["content_type"] for made in clip.renditions or ()] == ["audio/mpeg", "audio/ogg"]


def test_renditions_that_are_ready_at_once_are_all_listed() -> None:
    clip = with_renditions()
    row = model_to_dict(row_of(clip), exclude=["id", "clip", "part", "format", "quality"])
    others = [variant for variant in VARIANTS if variant != PREVIEW]
    rows = [Rendition.objects.create(clip=clip, **variant._asdict()) for variant in others]
    begin = Barrier(len(rows))

    def finish(other: Rendition) -> bool:
        try:
            begin.wait()
            return publish(other, row, clip.source, row["audio_sha256"], timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(len(rows)) as threads:
        assert all(threads.map(finish, rows))
    clip.refresh_from_db()
    assert tuple(Variant.of(made) for made in clip.renditions or ()) == VARIANTS


def test_renditions_of_other_audio_are_dropped() -> None:
    clip = with_renditions()
    AudioAnalysis.objects.update(sha256="0" * 64)
    list_current(clip.pk)
    clip.refresh_from_db()
    assert clip.renditions is None
    assert not Rendition.objects.exists()


def test_rendition_of_an_earlier_source_is_not_listed() -> None:
    clip = with_renditions()
    Clip.objects.update(renditions=None)
    row = row_of(clip)
    made = {"duration": 1.0}
    assert not publish(row, made, "uploads/earlier.mp3", row.audio_sha256, timezone.now())
    clip.refresh_from_db()
    assert (clip.renditions, row_of(clip).duration) == (None, 8.0)


def test_rendition_of_bytes_that_changed_meanwhile_is_not_listed() -> None:
    clip = with_renditions()
    row, began = row_of(clip), timezone.now()
    AudioAnalysis.objects.update(sha256="0" * 64, analysed_at=timezone.now())
    assert not publish(row, {"duration": 1.0}, clip.source, row.audio_sha256, began)
    assert row_of(clip).duration == 8.0
    assert publish(row, {"duration": 1.0}, clip.source, row.audio_sha256, timezone.now())


def test_fades_chosen_for_longer_audio_do_not_prevent_the_preview() -> None:
    clip = make_clip(preview_start=27, preview_length=30, preview_fade_in=4, preview_fade_out=4)
    make(clip.pk, PREVIEW)
    assert row_of(clip).state == Rendition.State.READY


def test_without_an_analysis_the_audio_is_measured() -> None:
    clip = make_clip(preview_length=5.0)
    make(clip.pk, PREVIEW)
    assert row_of(clip).duration == 5.0


def test_failed_analysis_is_the_reason() -> None:
    clip = analysed(make_clip(), failure="damaged")
    make(clip.pk, PREVIEW)
    assert (row_of(clip).state, row_of(clip).failure) == (Rendition.State.FAILED, "damaged")


def test_unavailable_source_is_the_reason() -> None:
    clip = linked_clip.make(audio_url="http://127.0.0.1:1/a.mp3")
    make(clip.pk, PREVIEW)
    assert row_of(clip).failure == "origin_unreachable"


def test_normalised_rendition_has_a_gain(settings: Any) -> None:
    clip = with_renditions()
    settings.CLIPS_RENDITION_LOUDNESS = "-18"
    make(clip.pk, PREVIEW)
    assert row_of(clip).gain != 0
