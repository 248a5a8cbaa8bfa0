"""Many clips are changed in small transactions, so that their plays need not wait for all."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from harness.service import Server
from library import history
from library.admin.bulk import batches
from library.models import Clip, ClipQuerySet
from tests.support.changelist import act, messages_in
from tests.support.database import await_blocked_transaction, locked
from tests.support.editors import chief
from tests.support.plays import plays_of, stream


@pytest.fixture(autouse=True)
def _one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "LOCKED", 1)


def make_jazz(clip: Clip) -> None:
    clip.genre = "jazz"


def to_jazz(user: User, clips: ClipQuerySet, set_fields: batches.SetFields = make_jazz) -> int:
    def update(clips: ClipQuerySet) -> int:
        return clips.update(genre="jazz", updated_at=timezone.now())

    return batches.change_clips(user, clips, ("genre",), set_fields, update)


def genres() -> Iterator[str]:
    return Clip.objects.order_by("pk").values_list("genre", flat=True).iterator()


def test_clips_play_while_the_change_waits_for_another(
    server: Server, make_clip: Callable[..., Clip]
) -> None:
    clips = [make_clip(genre="dub") for _ in range(3)]
    user = chief()

    def change() -> int:
        try:
            return to_jazz(user, Clip.objects.all())
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with locked(clips[1]):
            changing = pool.submit(change)
            await_blocked_transaction()
            assert list(genres()) == ["jazz", "dub", "dub"]
            for clip in (clips[0], clips[2]):
                assert requests.get(server.url + stream(clip), timeout=30).ok
        assert changing.result(30) == 3
    assert list(genres()) == ["jazz"] * 3
    assert [plays_of(clip) for clip in clips] == [1, 0, 1]


@pytest.mark.django_db
def test_failed_change_keeps_and_logs_the_batches_before_it(make_clip: Callable[..., Clip]) -> None:
    first, second = make_clip(genre="dub"), make_clip(genre="dub")
    user = chief()

    def fail_at_the_second(clip: Clip) -> None:
        if clip.pk == second.pk:
            raise InterruptedError
        make_jazz(clip)

    with pytest.raises(InterruptedError):
        to_jazz(user, Clip.objects.all(), fail_at_the_second)
    assert list(genres()) == ["jazz", "dub"]
    assert [history.entries_of(clip).count() for clip in (first, second)] == [1, 0]
    assert to_jazz(user, Clip.objects.all()) == 1
    assert [history.entries_of(clip).count() for clip in (first, second)] == [1, 1]


def test_clip_that_another_user_has_just_changed_is_left_out(
    client: Client, make_clip: Callable[..., Clip]
) -> None:
    clips = [make_clip(genre="dub") for _ in range(2)]
    client.force_login(chief())
    edit = {"genre": "jazz", **dict.fromkeys(("add_tags", "remove_tags", "replace_tags"), "")}

    def post(step: str, **form: str) -> Any:
        try:
            return act(client, "bulk_edit", clips, step=step, **edit, **form)
        finally:
            if step == "apply":
                connection.close()  # this thread has its own

    version = post("preview").context["version"]
    with ThreadPoolExecutor(1) as pool:
        with locked(clips[1]):
            posting = pool.submit(post, "apply", version=version)
            await_blocked_transaction()
            Clip.objects.filter(pk=clips[1].pk).update(genre="house", updated_at=timezone.now())
        answer = posting.result(30)
    assert messages_in(answer) == [
        "1 clip changed: genre: jazz.",
        "1 clip left out: just changed by another user.",
    ]
    assert list(genres()) == ["jazz", "house"]
