"""Which renditions are made: on demand within limits, and in advance."""

import os
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from library.models import AudioAnalysis, Clip, Rendition
from library.renditions import files
from library.renditions.publishing import delete
from library.renditions.requests import clips_to_renew, note_pending, stored_bytes, to_make
from library.renditions.variants import VARIANTS
from library.tasks.queue import BACKFILL, RENDITIONS
from library.tasks.renditions import (
    Outcome,
    make_rendition,
    prune_rendition_files,
    prune_renditions,
    renew,
    renew_later,
    renew_renditions,
    renew_renditions_of,
    request_rendition,
)
from tests.support.recipes import make_clip
from tests.support.renditions import PREVIEW, analysed, with_renditions
from tests.support.tasks import Context, execute

pytestmark = pytest.mark.django_db

WHOLE = PREVIEW._replace(part="whole")


@pytest.fixture(autouse=True)
def _forget_sums() -> None:
    stored_bytes.cache_clear()


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
    forget_tasks()
    assert request_rendition(clip.pk, WHOLE) is Outcome.DEFER
    assert len(jobs()) == 1


def forget_tasks() -> None:
    ProcrastinateJob.objects.all()._raw_delete("default")


def test_request_moves_a_task_out_of_the_backfill() -> None:
    clip = with_renditions()
    Clip.objects.update(preview_length=9.0)
    renew([clip.pk], BACKFILL)
    assert request_rendition(clip.pk, PREVIEW) is Outcome.DEFER
    assert request_rendition(clip.pk, PREVIEW) is Outcome.PENDING
    (job,) = ProcrastinateJob.objects.all()
    assert (job.queue_name, job.priority) == (RENDITIONS, -5)


@pytest.mark.parametrize("status", ["failed", "cancelled", "aborted"])
def test_renditions_whose_tasks_have_ended_take_no_place(settings: Any, status: str) -> None:
    settings.CLIPS_RENDITION_QUEUE = 1
    clip = make_clip()
    request_rendition(clip.pk, WHOLE)
    assert request_rendition(clip.pk, PREVIEW) is Outcome.FULL
    execute("UPDATE procrastinate_jobs SET status = %s::procrastinate_job_status", status)
    assert request_rendition(clip.pk, WHOLE) is Outcome.DEFER


def test_task_that_waits_for_its_next_attempt_takes_no_place(settings: Any) -> None:
    settings.CLIPS_RENDITION_QUEUE = 1
    clip = make_clip()
    request_rendition(clip.pk, WHOLE)
    execute("UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 hour'")
    assert request_rendition(clip.pk, PREVIEW) is Outcome.DEFER
    assert request_rendition(clip.pk, WHOLE) is Outcome.PENDING


def test_last_error_is_the_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = make_clip()
    request_rendition(clip.pk, WHOLE)
    monkeypatch.setattr("library.tasks.renditions.make", Mock(side_effect=KeyError))
    for attempts, state in ((3, "pending"), (4, "failed")):
        with pytest.raises(KeyError):
            make_rendition.func(Context(attempts=attempts), clip_id=clip.pk, **WHOLE._asdict())
        assert Rendition.objects.get().state == state
    forget_tasks()
    assert request_rendition(clip.pk, WHOLE) == "internal_error"


def test_renditions_without_a_task_do_not_stay_pending() -> None:
    clip = with_renditions()
    request_rendition(clip.pk, WHOLE)
    for variant in (PREVIEW, WHOLE._replace(format="opus")):
        note_pending(clip.pk, variant)
    prune_renditions.func(None, 0)
    assert Rendition.objects.filter(state="pending").count() == 3
    Rendition.objects.update(requested_at=timezone.now() - timedelta(hours=2))
    prune_renditions.func(None, 0)
    found = Rendition.objects.order_by("part").values_list("part", "format", "state")
    assert list(found) == [("preview", "mp3", "ready"), ("whole", "mp3", "pending")]


def test_so_many_requests_may_wait(settings: Any) -> None:
    settings.CLIPS_RENDITION_QUEUE = 2
    clip = make_clip()
    wanted = [variant for variant in VARIANTS if variant != PREVIEW]
    found = [request_rendition(clip.pk, variant) for variant in wanted[:3]]
    assert found == [Outcome.DEFER, Outcome.DEFER, Outcome.FULL]
    assert Rendition.objects.count() == 2
    # A client could request those of the whole library before they are made in advance.
    assert request_rendition(clip.pk, PREVIEW) is Outcome.FULL
    renew([analysed(clip).pk])
    assert len(jobs()) == 3


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


def test_bytes_are_summed_once_in_a_while(settings: Any) -> None:
    settings.CLIPS_RENDITION_BYTES = 0
    clip = make_clip()
    with CaptureQueriesContext(connection) as queries:
        for variant in (WHOLE, WHOLE._replace(format="aac"), WHOLE._replace(quality="low")):
            assert request_rendition(clip.pk, variant) is Outcome.FULL
    assert sum("SUM(" in query["sql"] for query in queries) == 1
    assert request_rendition(clip.pk, PREVIEW) is Outcome.DEFER  # made in advance anyway


def test_surplus_is_unlisted_without_an_analysis_and_its_file_stays_for_a_while() -> None:
    clip = with_renditions(PREVIEW, WHOLE)
    AudioAnalysis.objects.all().delete()
    row = Rendition.objects.get(part="whole")
    set_age(row.file, 25)
    assert delete(row)
    clip.refresh_from_db()
    assert [made["part"] for made in clip.renditions or ()] == ["preview"]
    prune_rendition_files.func(None, 0)
    assert files.exists(row.file)
    row = Rendition.objects.get()
    note_pending(clip.pk, PREVIEW)
    assert not delete(row)
    Rendition.objects.update(file="renditions/00/other.mp3", state="ready")
    assert not delete(row)


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


def test_any_number_of_clips_can_be_renewed() -> None:
    renew_later(range(1_000_000, 1_002_000))
    renew_later(range(1_000_000, 1_002_000))
    found = ProcrastinateJob.objects.filter(task_name="renew_renditions_of").order_by("id")
    assert [len(job.args["clip_ids"]) for job in found] == [100] * 20
    renew_later([])
    assert found.count() == 20


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
    prune_rendition_files.func(None, 0)
    assert [files.exists(name) for name in names.values()] == [False, True]
    assert files.exists((clip.renditions or [{}])[0]["file"])
    set_age((clip.renditions or [{}])[0]["file"], 0)  # other tests share it


def test_file_that_is_used_again_is_kept() -> None:
    before = timezone.now() - timedelta(hours=24)
    with files.unfinished() as file:
        name, _ = files.keep(file, "mp3")
        set_age(name, 25)
        assert name in files.unused(before)
        set_age(name, 0)
    files.delete_if_unused(name, before)
    assert files.exists(name)
    files.delete_if_unused("renditions/00/lost.mp3", before)


def set_age(name: str, hours: int) -> None:
    then = (timezone.now() - timedelta(hours=hours)).timestamp()
    os.utime(settings.MEDIA_ROOT / name, (then, then))
