"""Which renditions are made: on demand within limits, and in advance."""

import os
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from library.models import AudioAnalysis, Clip, Rendition
from library.renditions import files
from library.renditions.requests import Outcome, clips_to_renew, to_make
from library.renditions.variants import VARIANTS
from library.tasks.renditions import (
    make_rendition,
    prune_renditions,
    renew,
    renew_later,
    renew_renditions,
    renew_renditions_of,
    request_rendition,
)
from tests.support.recipes import make_clip
from tests.support.renditions import PREVIEW, analysed, with_renditions
from tests.support.tasks import Context

pytestmark = pytest.mark.django_db

WHOLE = PREVIEW._replace(part="whole")


def jobs() -> list[dict[str, Any]]:
    found = ProcrastinateJob.objects.filter(task_name="make_rendition").order_by("id")
    return [job.args for job in found]


def test_request_is_deferred_once() -> None:
    clip = make_clip()
    assert request_rendition(clip.pk, WHOLE) is Outcome.DEFER
    assert request_rendition(clip.pk, WHOLE) is Outcome.PENDING
    assert jobs() == [{"clip_id": clip.pk, **WHOLE._asdict()}]


def test_request_whose_task_was_lost_is_deferred_again() -> None:
    clip = make_clip()
    request_rendition(clip.pk, WHOLE)
    ProcrastinateJob.objects.all()._raw_delete("default")
    Rendition.objects.update(requested_at=timezone.now() - timedelta(minutes=2))
    assert request_rendition(clip.pk, WHOLE) is Outcome.DEFER
    assert len(jobs()) == 1


def test_so_many_requests_may_wait(settings: Any) -> None:
    settings.CLIPS_RENDITION_QUEUE = 2
    clip = make_clip()
    wanted = [variant for variant in VARIANTS if variant != PREVIEW]
    found = [request_rendition(clip.pk, variant) for variant in wanted[:3]]
    assert found == [Outcome.DEFER, Outcome.DEFER, Outcome.FULL]
    assert Rendition.objects.count() == 2
    assert request_rendition(clip.pk, PREVIEW) is Outcome.DEFER  # made in advance anyway


def test_so_many_bytes_may_be_stored(settings: Any) -> None:
    clip, other = with_renditions(WHOLE), make_clip()
    size = Rendition.objects.get().size_bytes or 0
    settings.CLIPS_RENDITION_BYTES = size
    assert request_rendition(other.pk, WHOLE) is Outcome.FULL
    prune_renditions.func(None, 0)
    assert not Rendition.objects.exists()
    clip.refresh_from_db()
    assert clip.renditions is None
    assert request_rendition(other.pk, WHOLE) is Outcome.DEFER


def test_failure_is_final_for_the_same_audio_and_settings() -> None:
    clip = with_renditions()
    Rendition.objects.update(state="failed", failure="damaged")
    assert request_rendition(clip.pk, PREVIEW) == "damaged"
    Clip.objects.update(preview_length=9.0)
    assert request_rendition(clip.pk, PREVIEW) is Outcome.DEFER


def test_failure_that_may_be_over_is_tried_again_after_a_minute() -> None:
    clip = with_renditions()
    Rendition.objects.update(state="failed", failure="origin_timeout", made_at=timezone.now())
    assert request_rendition(clip.pk, PREVIEW) == "origin_timeout"
    Rendition.objects.update(made_at=timezone.now() - timedelta(minutes=2))
    assert request_rendition(clip.pk, PREVIEW) is Outcome.DEFER


def test_configured_renditions_are_made_after_an_analysis(settings: Any) -> None:
    settings.CLIPS_RENDITIONS = ["preview-mp3-high", "whole-opus-low"]
    clip, unknown = analysed(make_clip()), make_clip()
    renew([clip.pk, unknown.pk])
    assert [(job["clip_id"], job["format"]) for job in jobs()] == [
        (clip.pk, "mp3"),
        (clip.pk, "opus"),
    ]


def test_nothing_is_made_in_advance_of_audio_that_cannot_be_decoded() -> None:
    renew([analysed(make_clip(), failure="damaged").pk])
    assert jobs() == []


def test_no_rendition_may_be_configured(settings: Any) -> None:
    settings.CLIPS_RENDITIONS = []
    renew([analysed(make_clip()).pk])
    assert jobs() == []


def test_only_outdated_previews_are_made_again() -> None:
    clip = with_renditions(PREVIEW, WHOLE)
    assert to_make([clip])[clip.pk] == []
    Clip.objects.update(preview_start=3.0)
    clip.refresh_from_db()
    assert to_make([clip])[clip.pk] == [PREVIEW]


def test_change_of_the_loudness_makes_all_outdated(settings: Any) -> None:
    clip = with_renditions(PREVIEW, WHOLE)
    settings.CLIPS_RENDITION_LOUDNESS = "-14"
    assert list(clips_to_renew()) == [(clip.pk, [PREVIEW, WHOLE])]
    renew_renditions.func(None, 0)
    assert len(jobs()) == 2
    clip.refresh_from_db()
    assert len(clip.renditions or ()) == 2  # until they are replaced


def test_other_audio_ends_the_old_renditions() -> None:
    clip = with_renditions()
    AudioAnalysis.objects.update(sha256="1" * 64)
    renew([clip.pk])
    clip.refresh_from_db()
    assert clip.renditions is None
    assert len(jobs()) == 1


def test_many_clips_are_renewed_by_one_task() -> None:
    clip = analysed(make_clip())
    renew_later([clip.pk])
    (job,) = ProcrastinateJob.objects.filter(task_name="renew_renditions_of")
    renew_renditions_of.func(Context(), **job.args)
    assert len(jobs()) == 1


def test_task_makes_the_rendition() -> None:
    clip = with_renditions()
    Clip.objects.update(renditions=None)
    request_rendition(clip.pk, PREVIEW)
    make_rendition.func(Context(), **jobs()[0])
    clip.refresh_from_db()
    assert len(clip.renditions or ()) == 1


def test_files_without_a_rendition_are_deleted_after_a_day() -> None:
    clip = with_renditions()
    names = {}
    for name, age in (("old", 25), ("new", 23)):
        with files.unfinished() as file:
            file.write(name.encode())
            names[name] = files.keep(file, "mp3")[0]
        set_age(names[name], age)
    set_age((clip.renditions or [{}])[0]["file"], 25)
    prune_renditions.func(None, 0)
    assert [files.exists(name) for name in names.values()] == [False, True]
    assert files.exists((clip.renditions or [{}])[0]["file"])
    set_age((clip.renditions or [{}])[0]["file"], 0)  # other tests share it


def set_age(name: str, hours: int) -> None:
    then = (timezone.now() - timedelta(hours=hours)).timestamp()
    os.utime(settings.MEDIA_ROOT / name, (then, then))
