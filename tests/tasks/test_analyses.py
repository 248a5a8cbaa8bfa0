"""When clips are analysed: requests put tasks into the queue, and what each of the tasks does."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client as Browser
from django.utils import timezone
from procrastinate.exceptions import JobAborted

from harness.origin import Origin, answer
from harness.service import free_port
from harness.waiting import until
from library.analyses.analysing import Kind, Result
from library.analyses.due_clips import PART, new_due_clips
from library.audio.entry import Entry
from library.models import AudioAnalysis, Clip, Task
from library.sources.opening import audio_store
from library.tasks import analyses, changed_audio, new_clips
from library.tasks.changed_audio import Notices
from library.tasks.queue import BACKFILL, DOWNLOADS, LAST, LONG, defer
from library.tasks.retries import ExpectedError
from tests.settings import LOCAL
from tests.sound.signals import sine, wav
from tests.support import recipes
from tests.support.audio_facts import FACTS
from tests.support.editors import bearer, editor
from tests.support.tasks import Context
from tests.support.tasks import notice as notice_by

URL = "https://example.com/a.mp3"
CLIP = {"title": "A", "genre": "b", "duration": 1, "audio_url": URL}


def make_clip(**fields: Any) -> Clip:
    """Make a clip whose analysis was not requested."""
    clip = recipes.make_clip(**fields)
    Task.objects.all().delete()
    return clip


def tasks(**conditions: str) -> list[Task]:
    """Return tasks, except those for clips of an earlier test, which a service may add late."""
    ids = {None, *Clip.objects.values_list("pk", flat=True)}
    found = Task.objects.filter(**conditions).order_by("pk")
    return [task for task in found if task.args.get("clip_id") in ids]


def requested() -> list[int]:
    """Return the clips whose analysis waits in the queue."""
    return [task.args["clip_id"] for task in tasks(task_name="analyse_clip")]


def waiting() -> list[str]:
    return [task.task_name for task in tasks(status="todo")]


def facts_of(clip: Clip) -> Any:
    clip.refresh_from_db()
    return clip.audio


def analysed() -> set[int]:
    return set(Clip.objects.filter(audio__isnull=False).values_list("pk", flat=True))


def notice() -> int:
    """Look for new clips as a worker does. Return the number of new tasks."""
    return notice_by(new_clips.request_analyses)


def test_new_clips_are_noticed(transactional_db: None, client: Browser) -> None:
    made = client.post("/api/v1/clips", CLIP, "application/json").json()
    old = recipes.make_clip(created_at=timezone.now() - timedelta(minutes=3))
    recipes.make_clip(deleted_at=timezone.now())
    assert (notice(), requested()) == (1, [made["id"]])
    assert notice() == 0  # it waits already
    assert not defer(analyses.analyse_clip, clip_id=made["id"])  # the same task
    Task.objects.update(status="doing")
    assert notice() == 0
    Task.objects.all().delete()
    defer(analyses.download_clip, clip_id=made["id"])
    assert notice() == 0
    Task.objects.all().delete()
    AudioAnalysis.objects.create(clip_id=made["id"])
    assert notice() == 0
    analyses.find_clips_to_analyse.func(Context(), timestamp=0)
    assert [old.pk] in [[clip.pk for clip in clips] for clips in new_due_clips(1)]


def test_many_new_clips_are_noticed_at_once(transactional_db: None) -> None:
    Clip.objects.bulk_create([Clip(**CLIP) for _ in range(101)])
    assert (notice(), waiting()) == (1, ["analyse_due_clips"])
    noticed = Task.objects.get()
    assert not defer(analyses.analyse_due_clips)  # the same task
    assert (noticed.lock, noticed.queueing_lock) == ("analyse_due_clips {}",) * 2


def test_clip_with_another_source_is_analysed(db: None, client: Browser) -> None:
    clip = make_clip(audio_url=URL, audio={"etag": '"a"'})
    token = bearer(editor())

    def patch(values: dict[str, Any]) -> int:
        path = f"/api/v1/clips/{clip.pk}"
        return client.patch(path, values, "application/json", headers=token).status_code

    assert patch({"title": "Other"}) == 200
    assert requested() == []
    for number in (1, 2):  # the second time, the task waits already
        assert patch({"audio_url": f"{URL}?{number}"}) == 200
    assert requested() == [clip.pk]
    clip.refresh_from_db()
    assert clip.audio is None


def test_many_new_sources_get_one_task_after_their_transaction(
    db: None, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        with transaction.atomic():
            made = Clip.objects.bulk_create([Clip(**CLIP) for _ in range(101)])
            analyses.request_analyses([clip.pk for clip in made])
        assert waiting() == []
    assert waiting() == ["analyse_due_clips"]


def test_clip_is_analysed_by_its_task(db: None) -> None:
    clip = recipes.make_clip()
    analyses.analyse_clip.func(Context(), clip_id=clip.pk)
    assert analysed() == {clip.pk}


def test_audio_that_is_not_stored_is_downloaded_by_another_task(db: None, origin: Origin) -> None:
    """Of a queue that leaves a place free, because an origin may be slow."""
    clip = make_clip(audio_url=origin.on("/a", answer(wav(sine(-20, 1)))))
    analyses.analyse_clip.func(Context(), clip_id=clip.pk)
    analyses.analyse_clip.func(Context(queue=BACKFILL), clip_id=clip.pk, again=True)
    assert origin.request_counts == {}
    tasks = Task.objects.order_by("pk")
    assert list(tasks.values_list("task_name", "queue_name", "priority", "args")) == [
        ("download_clip", DOWNLOADS, -5, {"clip_id": clip.pk}),
        ("download_clip", BACKFILL, LAST, {"clip_id": clip.pk, "again": True}),
    ]
    assert {DOWNLOADS, BACKFILL} <= LONG
    analyses.download_clip.func(Context(queue=DOWNLOADS), clip_id=clip.pk)
    assert analysed() == {clip.pk}
    assert set(Task.objects.filter(task_name="make_rendition").values_list("queue_name")) == {
        ("audio",)
    }


def test_outdated_audio_is_downloaded_again(db: None, origin: Origin) -> None:
    clip = make_clip(audio_url=origin.on("/a", answer(wav(sine(-20, 1)))))
    analyses.download_clip.func(Context(), clip_id=clip.pk)
    Task.objects.all().delete()
    analyses.analyse_clip.func(Context(), clip_id=clip.pk)
    assert "download_clip" not in waiting()
    entry = Entry(audio_store().folder, clip.audio_url)
    metadata, audio = entry.open_saved() or (None, None)
    assert metadata
    assert audio
    audio.close()
    entry.save(replace(metadata, fresh_until=0.0))
    analyses.analyse_clip.func(Context(), clip_id=clip.pk)
    assert "download_clip" in waiting()


def test_tasks_of_one_clip_share_a_lock(db: None) -> None:
    clip = make_clip()
    analyses.request_analyses([clip.pk])
    analyses.repeat_analyses([clip.pk])
    defer(analyses.download_clip, clip_id=clip.pk)
    locks = Task.objects.values_list("lock", flat=True)
    assert [*locks] == [f"clip {clip.pk}"] * 3


def test_host_that_does_not_respond_does_not_hold_up_the_others(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyses, "MOST", 4)
    monkeypatch.setattr("library.analyses.rounds.PAUSE", 0)
    sample = make_clip()
    port = free_port()
    for number in range(20):
        make_clip(audio_url=f"http://127.0.0.1:{port}/{number}")
    analyses.analyse_due_clips.func(Context())
    assert analysed() == {sample.pk}
    assert not Clip.objects.needing_analysis().exists()


def test_task_without_any_result_does_not_follow_itself(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyses, "MOST", 2)
    for name in ("a", "b", "c"):
        make_clip(audio_file=f"samples/missing-{name}.mp3")
    analyses.analyse_due_clips.func(Context())
    assert waiting() == []
    assert Clip.objects.needing_analysis().count() == 1


def test_stored_audio_of_old_clips_is_analysed(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyses, "MOST", 1)
    old = timezone.now() - timedelta(days=30)
    first, second = make_clip(updated_at=old), make_clip(updated_at=old)
    make_clip(audio_url=URL, updated_at=old)
    turn = first.pk // PART  # the time selects a part of the library
    analyses.find_clips_to_analyse.func(Context(), timestamp=turn * analyses.PERIOD)
    assert waiting() == ["analyse_stored_clips"]
    arguments = Task.objects.get().args
    Task.objects.all().delete()
    analyses.analyse_stored_clips.func(Context(), **arguments)
    assert analysed() == {first.pk}
    assert "analyse_stored_clips" in waiting()
    analyses.analyse_stored_clips.func(Context(), **arguments)
    assert analysed() == {first.pk, second.pk}


def test_many_clips_are_analysed_again_by_few_tasks(transactional_db: None) -> None:
    numbers = [*range(10**9, 10**9 + 2 * analyses.MOST)]
    assert analyses.repeat_analyses(numbers) == len(numbers)
    tasks = Task.objects.filter(task_name="repeat_analyses_of").order_by("pk")
    assert [number for task in tasks for number in task.args["clip_ids"]] == numbers
    assert len(tasks) == 2
    tasks.delete()
    clips = sorted(make_clip().pk for _ in range(2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("library.analyses.rounds.analyse_clip", lambda *_, **__: Result(Kind.CURRENT))
        analyses.repeat_analyses_of.func(Context(stopping=True), clip_ids=clips)
    assert Task.objects.get(task_name="repeat_analyses_of").args == {"clip_ids": clips}
    for _ in range(2):
        analyses.repeat_analyses_of.func(Context(), clip_ids=clips)
    assert analysed() == set(clips)


def test_task_of_an_interrupted_decoder_runs_again(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("library.sound.runner.sys.executable", "/nonexistent")
    clip = recipes.make_clip()
    with pytest.raises(ExpectedError, match="The decoder"):
        analyses.analyse_clip.func(Context(), clip_id=clip.pk)


def test_renditions_do_not_depend_on_the_search_for_duplicates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(clip_id: int) -> None:
        raise ValueError

    renewed: list[list[int]] = []
    monkeypatch.setattr("library.tasks.analyses.duplicates.find", fail)
    monkeypatch.setattr(analyses, "renew", lambda clip_ids, queue: renewed.append(clip_ids))
    with pytest.raises(ValueError):
        analyses.follow(7, BACKFILL)
    assert renewed == [[7]]


def test_clips_without_analysis_are_found(db: None) -> None:
    analyses.find_clips_to_analyse.func(Context(), timestamp=0)
    assert waiting() == []
    make_clip()
    analyses.find_clips_to_analyse.func(Context(), timestamp=0)
    assert [(task.task_name, task.queue_name) for task in tasks()] == [
        ("analyse_due_clips", BACKFILL)
    ]


def test_due_clips_are_analysed_in_several_tasks(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyses, "MOST", 1)
    old, new = make_clip(), make_clip()
    with pytest.raises(JobAborted):
        analyses.analyse_due_clips.func(Context(stopping=True))
    assert analysed() == set()
    analyses.analyse_due_clips.func(Context())
    assert analysed() == {new.pk}
    assert sorted(waiting()) == ["analyse_due_clips", "make_rendition"]
    analyses.analyse_due_clips.func(Context())
    assert analysed() == {old.pk, new.pk}


def test_form_and_its_new_source(db: None, admin_client: Browser, admin_user: User) -> None:
    page = "/admin/library/clip/"
    values = {**CLIP, "description": "", "tags": "", "audio_source": "url"}
    admin_client.post(f"{page}add/", values)
    clip = Clip.objects.get()
    Clip.objects.update(audio=FACTS, renditions=[])
    admin_client.post(f"{page}{clip.pk}/change/", {**values, "title": "Other"})
    assert requested() == []
    admin_client.post(f"{page}{clip.pk}/change/", {**values, "audio_url": f"{URL}?2"})
    clip.refresh_from_db()
    assert (clip.title, clip.audio, clip.renditions) == ("A", None, None)
    assert requested() == [clip.pk]


# Streams


def test_stream_of_audio_that_was_never_analysed_requests_it(
    http: Callable[..., requests.Response], origin: Origin
) -> None:
    clip = make_clip(audio_url=origin.on("/a", answer(wav(sine(-20, 1)))))
    assert http("GET", f"/api/v1/clips/{clip.pk}/stream").status_code == 200
    until(lambda: requested() == [clip.pk])


def test_stream_of_changed_audio_requests_an_analysis(
    http: Callable[..., requests.Response],
) -> None:
    file = LOCAL / "media" / "uploads" / "changing.wav"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(wav(sine(-20, 1)))
    clip = make_clip(audio_file="uploads/changing.wav")
    analyses.analyse_clip.func(Context(), clip_id=clip.pk)
    path = f"/api/v1/clips/{clip.pk}/stream"
    assert http("HEAD", path).headers["ETag"] == facts_of(clip)["etag"]
    assert http("GET", path).status_code == 200
    file.write_bytes(wav(sine(-30, 2)))
    changed = http("HEAD", path).headers["ETag"]
    until(lambda: requested() == [clip.pk])  # only now: the first streams found nothing new
    analyses.analyse_clip.func(Context(), clip_id=clip.pk)
    facts = facts_of(clip)
    assert (facts["etag"], facts["duration"]) == (changed, 2.0)


def test_list_and_clip_show_a_new_analysis_at_once(
    http: Callable[..., requests.Response],
) -> None:
    clip = make_clip()
    lists = "/api/v1/clips", "/api/v1/clips?max_loudness=0", f"/api/v1/clips/{clip.pk}"
    before = [http("GET", path) for path in (*lists, *lists)]  # the second time kept in the loop
    assert [shown.json() for shown in before[3:]] == [shown.json() for shown in before[:3]]
    assert (before[0].json()[0]["audio"], before[1].json()) == (None, [])
    analyses.analyse_clip.func(Context(), clip_id=clip.pk)
    clip.refresh_from_db()
    after = [http("GET", path) for path in lists]
    assert [shown.headers["ETag"] for shown in after] != [r.headers["ETag"] for r in before[:3]]
    assert [shown.json() for shown in after[:2]] == [[after[2].json()]] * 2
    assert after[2].json()["audio"] == clip.audio
    assert after[2].json()["updated_at"] == before[2].json()["updated_at"]


def test_audio_that_cannot_be_decoded_is_requested_once(transactional_db: None) -> None:
    clip = make_clip(audio_url=URL)
    AudioAnalysis.objects.create(clip=clip, source=URL, audio_etag='"a"', failure="damaged")
    for etag, expected in (('"a"', []), ('"b"', [clip.pk])):
        changed_audio._request(clip.pk, etag)
        assert requested() == expected
    Task.objects.all().delete()
    Clip.objects.update(audio_url=f"{URL}?2")
    changed_audio._request(clip.pk, '"a"')
    assert requested() == [clip.pk]


@pytest.mark.parametrize("attempts", [0, 1])
def test_only_a_task_that_was_killed_repeats_the_rest(
    db: None, monkeypatch: pytest.MonkeyPatch, attempts: int
) -> None:
    clip = make_clip()
    analyses.analyse_clip.func(Context(), clip_id=clip.pk)
    found: list[int] = []
    monkeypatch.setattr("library.tasks.analyses.duplicates.find", found.append)
    analyses.analyse_clip.func(Context(attempts=attempts), clip_id=clip.pk)
    assert found == [clip.pk] * attempts


class FakeAudio:
    """Open audio of which only its entity tag matters."""

    whole = True

    def __init__(self, etag: str) -> None:
        self.etag = etag


def test_audio_is_noticed_once_until_it_changes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    class Executor:
        def submit(self, _: Any, clip_id: int, etag: str) -> None:
            seen.append(clip_id)

    monkeypatch.setattr("library.tasks.changed_audio._executor", Executor)
    notices = Notices()

    def compare(etag: str, analysed: str | None) -> int:
        notices.compare(7, FakeAudio(etag), analysed)  # type: ignore[arg-type]
        return len(seen)

    assert compare('"a"', '"a"') == 0
    assert [compare('"b"', '"a"') for _ in range(3)] == [1, 1, 1]
    assert compare('"c"', '"a"') == 2
    assert compare('"c"', None) == 2
    monkeypatch.setattr("library.tasks.changed_audio.SECONDS", 0.0)
    assert [compare('"d"', None), compare('"d"', None)] == [3, 4]
