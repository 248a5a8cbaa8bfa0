"""Streams of previews and renditions, in both adapters."""

from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from django.core.files.storage import default_storage
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from library.models import Clip, Rendition
from tests.support.plays import plays_of
from tests.support.renditions import PREVIEW, with_renditions

Request = Callable[..., requests.Response]


def path(clip: Clip, query: str = "part=preview") -> str:
    return f"/api/v1/clips/{clip.pk}/stream?{query}"


def content(clip: Clip) -> bytes:
    (made,) = clip.renditions or [{}]
    return Path(default_storage.path(made["file"])).read_bytes()


def test_preview_has_its_own_bytes_and_validators(http: Request) -> None:
    clip = with_renditions()
    response = http("GET", path(clip))
    assert (response.status_code, response.content) == (200, content(clip))
    assert response.headers["ETag"] == (clip.renditions or [])[0]["etag"]
    assert response.headers["Content-Type"] == "audio/mpeg"
    assert (
        http("GET", path(clip), headers={"If-None-Match": response.headers["ETag"]}).status_code
        == 304
    )


def test_range_and_head_of_a_preview(http: Request) -> None:
    clip = with_renditions()
    whole = content(clip)
    part = http("GET", path(clip), headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole)}"
    head = http("HEAD", path(clip))
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(whole)))


def test_play_of_a_preview_is_a_play_of_the_clip(http: Request) -> None:
    clip = with_renditions()
    http("GET", path(clip))
    http("GET", path(clip), headers={"Range": "bytes=0-"})
    http("GET", path(clip), headers={"Range": "bytes=5000-"})
    assert plays_of(clip) == 2


def test_download_has_the_extension_of_the_rendition(http: Request) -> None:
    clip = with_renditions(PREVIEW._replace(format="aac"))
    response = http("GET", path(clip, "part=preview&format=aac&download=1"))
    assert response.headers["Content-Disposition"] == 'attachment; filename="Ambient Sounds.m4a"'


@pytest.mark.parametrize("query", ["", "part=whole", "unknown=1", "format=&quality=", "part="])
def test_original_is_the_default(http: Request, mp3: bytes, query: str) -> None:
    assert http("GET", path(with_renditions(), query)).content == mp3


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("part=middle", "whole, preview"),
        ("part=preview&format=wav", "mp3, opus, aac"),
        ("format=MP3", "mp3, opus, aac"),
        ("quality=best", "low, high"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_unknown_value_is_400_that_lists_what_exists(
    http: Request, clip: Clip, method: str, query: str, names: str
) -> None:
    response = http(method, path(clip, query))
    assert response.status_code == 400
    if method == "GET":
        name = query.rpartition("&")[2].partition("=")[0]
        assert response.json()["codes"] == [f"{name}.invalid_choice"]
        assert response.json()[name][0].endswith(f"Use one of: {names}.")


@pytest.mark.parametrize("query", ["&" * 1_001, "part=preview" + "&a=1" * 1_000])
def test_too_many_parameters_are_400(http: Request, clip: Clip, query: str) -> None:
    response = http("GET", path(clip, query))
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")


def test_repeated_parameter_is_400(http: Request, clip: Clip) -> None:
    assert http("GET", path(clip, "format=mp3&format=opus")).status_code == 400


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_missing_rendition_is_pending_and_deferred_once(
    http: Request, clip: Clip, method: str
) -> None:
    http("GET", path(clip, ""))  # a worker keeps the clip in memory
    for _ in range(3):
        response = http(method, path(clip, "format=opus"))
        assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert method == "HEAD" or response.json()["code"] == "rendition_pending"
    row = Rendition.objects.get()
    assert (row.part, row.format, row.quality, row.state) == ("whole", "opus", "high", "pending")
    (job,) = ProcrastinateJob.objects.filter(task_name="make_rendition")
    assert job.args == {"clip_id": clip.pk, "part": "whole", "format": "opus", "quality": "high"}
    assert plays_of(clip) == 1


def test_rendition_is_played_as_soon_as_it_is_listed(http: Request) -> None:
    clip = with_renditions()
    Clip.objects.update(renditions=None)
    Rendition.objects.all().delete()
    assert http("GET", path(clip)).status_code == 503
    Clip.objects.update(renditions=clip.renditions)
    assert http("GET", path(clip)).status_code == 200


def test_lost_file_is_made_again(http: Request) -> None:
    clip = with_renditions()
    listed = [{**made, "file": "renditions/00/lost.mp3"} for made in clip.renditions or ()]
    Clip.objects.update(renditions=listed)
    assert http("GET", path(clip)).json()["code"] == "rendition_pending"
    assert ProcrastinateJob.objects.filter(task_name="make_rendition").count() == 1


def test_failed_rendition_is_404_with_the_reason(http: Request, clip: Clip) -> None:
    Rendition.objects.create(clip=clip, **PREVIEW._asdict(), state="failed", failure="damaged")
    response = http("GET", path(clip))
    assert (response.status_code, response.json()["code"]) == (404, "rendition_failed")
    assert "The file is damaged" in response.json()["detail"]


def test_rendition_of_an_unavailable_source_fails_like_its_stream(
    http: Request, clip: Clip
) -> None:
    row = Rendition(clip=clip, **PREVIEW._asdict(), state="failed", made_at=timezone.now())
    row.failure = "origin_unreachable"
    row.save()
    response = http("GET", path(clip))
    assert (response.status_code, response.json()["code"]) == (502, "origin_unreachable")
