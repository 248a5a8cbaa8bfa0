"""Streams in the event loop keep clips in memory, but never act on an outdated one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from harness.origin import Origin, answer
from library.models import Clip

Http = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]


def stream(http: Http, clip: Clip, **headers: str) -> requests.Response:
    return http("GET", f"/api/v1/clips/{clip.pk}/stream", headers=headers)


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-99"}, {"Range": "bytes=100-199"}])
@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (lambda clips: clips.withdraw("Rights"), 410, "clip_withdrawn"),
        (lambda clips: clips.mark_deleted(), 410, "clip_deleted"),
        (lambda clips: clips.make_draft(), 404, "not_found"),
    ],
)
def test_clip_that_is_no_longer_public_is_refused_at_once(
    http: Http,
    clip: Clip,
    headers: dict[str, str],
    change: Callable[[object], object],
    status: int,
    code: str,
) -> None:
    for _ in range(8):  # each worker keeps it
        assert stream(http, clip, **headers).ok
    change(Clip.objects.filter(pk=clip.pk))
    for _ in range(4):
        refused = stream(http, clip, **headers)
        assert (refused.status_code, refused.json()["code"]) == (status, code)


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=100-"}])
def test_next_stream_has_the_new_audio_and_title(
    http: Http, make_clip: MakeClip, origin: Origin, mp3: bytes, headers: dict[str, str]
) -> None:
    clip = make_clip(audio_url=origin.on("/a", answer(mp3)))
    for _ in range(8):
        assert len(stream(http, clip).content) == len(mp3)
    clip.title, clip.audio_url = "Renamed", origin.on("/b", answer(mp3[:200_000]))
    clip.save()
    start = 100 if headers else 0
    for _ in range(4):
        changed = stream(http, clip, **headers)
        assert changed.content == mp3[start:200_000]
        assert "Renamed.mp3" in changed.headers["Content-Disposition"]
    clip.refresh_from_db()
    assert clip.play_count == (8 if headers else 12)


def test_clip_that_failed_and_was_corrected_plays_at_once(
    http: Http, make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    clip = make_clip(audio_url=origin.url("/gone"))
    for _ in range(4):
        assert stream(http, clip).json()["code"] == "origin_http_error"
    clip.audio_url = origin.on("/b", answer(mp3))
    clip.save()
    for _ in range(4):
        assert stream(http, clip).content == mp3


def test_many_plays_at_once_are_all_counted(http: Http, clip: Clip, make_clip: MakeClip) -> None:
    clips = [clip, *(make_clip() for _ in range(3))]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: stream(http, clips[number % 4]), range(200)))
    assert all(answer.ok for answer in answers)
    for played in clips:
        played.refresh_from_db()
        assert played.play_count == played.play_events.count() == 50
