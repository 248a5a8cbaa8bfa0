"""Streams through nginx with X-Accel-Redirect: the same answers, and Python free at once."""

from collections.abc import Callable, Iterator
from threading import Event
from typing import Any, TypeAlias

import pytest
import requests
from pytest_django import DjangoDbBlocker
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from harness.nginx import NGINX, Nginx
from harness.origin import Origin, answer, in_two_parts
from harness.service import Server
from library.models import Clip
from tests.support.log_lines import request_line

pytestmark = pytest.mark.skipif(not NGINX, reason="needs nginx: make system-tools")
Ask = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]
Paths: TypeAlias = pytest.TempPathFactory


@pytest.fixture(scope="module")
def running(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: Paths
) -> Iterator[tuple[Server, Nginx]]:
    """The service that leaves audio to nginx, and nginx in front of it."""
    folder = tmp_path_factory.mktemp("accel")
    with django_db_blocker.unblock():
        server = Server(folder / "log", CLIPS_ACCEL_LOCATION="/_audio")
    nginx = Nginx(folder, server.port)
    yield server, nginx
    nginx.stop()
    assert server.stop() == 0


@pytest.fixture
def behind(running: tuple[Server, Nginx], emptied: None) -> Server:
    """The service, asked past nginx."""
    return running[0]


@pytest.fixture
def through(running: tuple[Server, Nginx], emptied: None) -> Iterator[Ask]:
    """Asks nginx, which asks the service."""
    nginx = running[1]
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=Retry(connect=20, backoff_factor=0.05)))

        def ask(method: str, path: str, **options: Any) -> requests.Response:
            return session.request(method, nginx.url + path, timeout=20, **options)

        yield ask


def stream(clip: Clip) -> str:
    return f"/api/v1/clips/{clip.pk}/stream"


def test_service_names_the_file_and_sends_none_of_it(behind: Server, clip: Clip) -> None:
    named = {"X-Request-ID": "handed"}
    response = requests.get(behind.url + stream(clip), headers=named, timeout=10)
    assert response.headers["X-Accel-Redirect"] == "/_audio/samples/ambient-sounds.mp3"
    assert response.content == b""
    line = request_line(behind, "handed")
    assert (line["outcome"], line["play"], line["bytes"]) == ("handed_over", True, 0)


def test_upload_through_nginx_is_what_python_would_send(
    through: Ask, http: Ask, clip: Clip, mp3: bytes
) -> None:
    page = {"Origin": "https://elsewhere.example"}
    ours, theirs = (ask("GET", stream(clip), headers=page) for ask in (http, through))
    assert (theirs.status_code, theirs.content) == (200, mp3)
    for name in (
        *("ETag", "Content-Type", "Content-Length", "Content-Disposition", "Cache-Control"),
        *("Accept-Ranges", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers"),
        *("X-Content-Type-Options", "Cross-Origin-Resource-Policy", "Vary"),
    ):
        assert theirs.headers[name] == ours.headers[name], name


@pytest.mark.parametrize(
    ("asked", "first", "stop"), [("0-0", 0, 1), ("500-", 500, 457246), ("-1", 457245, 457246)]
)
def test_range_through_nginx(
    through: Ask, clip: Clip, mp3: bytes, asked: str, first: int, stop: int
) -> None:
    response = through("GET", stream(clip), headers={"Range": f"bytes={asked}"})
    assert (response.status_code, response.content) == (206, mp3[first:stop])
    assert response.headers["Content-Range"] == f"bytes {first}-{stop - 1}/{len(mp3)}"


def test_preconditions_through_nginx(through: Ask, clip: Clip, mp3: bytes) -> None:
    etag = through("HEAD", stream(clip)).headers["ETag"]
    assert through("GET", stream(clip), headers={"If-None-Match": etag}).status_code == 304
    assert through("GET", stream(clip), headers={"If-Match": '"other"'}).status_code == 412
    assert through("GET", stream(clip), headers={"Range": "bytes=-0"}).status_code == 416
    for condition, status in ((etag, 206), ('"other"', 200)):
        headers = {"Range": "bytes=5-9", "If-Range": condition}
        assert through("GET", stream(clip), headers=headers).status_code == status


def test_match_that_vlc_sends_is_served_through_nginx(
    through: Ask, make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    """nginx would judge again, by validators of its own, what Python has let pass."""
    modified = "Sun, 01 Nov 2026 12:00:00 GMT"
    url = origin.on("/a", answer(mp3, headers={"Last-Modified": modified}))
    path = stream(make_clip(audio_url=url))
    through("GET", path)
    known = through("GET", path).headers
    assert known["Last-Modified"] == modified
    for name, value in (("If-Match", known["ETag"]), ("If-Unmodified-Since", modified)):
        response = through("GET", path, headers={name: value, "Range": "bytes=5-9"})
        assert (response.status_code, response.content) == (206, mp3[5:10]), name


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=a-b", "seconds=0-1"])
def test_range_that_asks_for_the_whole_through_nginx(
    through: Ask, clip: Clip, mp3: bytes, asked: str
) -> None:
    response = through("GET", stream(clip), headers={"Range": asked})
    assert (response.status_code, response.content) == (200, mp3)


def test_end_beyond_all_numbers_through_nginx(through: Ask, clip: Clip, mp3: bytes) -> None:
    response = through("GET", stream(clip), headers={"Range": f"bytes=7-{'9' * 40}"})
    assert (response.status_code, response.content) == (206, mp3[7:])


def test_several_ranges_through_nginx_are_the_whole(through: Ask, clip: Clip, mp3: bytes) -> None:
    response = through("GET", stream(clip), headers={"Range": "bytes=0-1,5-6"})
    assert (response.status_code, response.content) == (200, mp3)


def test_origin_cold_and_warm_through_nginx(
    through: Ask, make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    clip = make_clip(audio_url=origin.on("/a", answer(mp3)))
    bodies = [through("GET", stream(clip)).content for _ in range(3)]
    assert bodies == [mp3] * 3
    clip.refresh_from_db()
    assert (clip.play_count, origin.request_counts["/a"]) == (3, 1)


def test_break_of_the_origin_breaks_the_connection_through_nginx(
    through: Ask, make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    go_on = Event()
    clip = make_clip(audio_url=origin.on("/a", in_two_parts(mp3, 50_000, go_on, whole=False)))
    response = through("GET", stream(clip), stream=True)
    go_on.set()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        response.content  # noqa: B018


def test_internal_location_is_closed_to_others(through: Ask, clip: Clip) -> None:
    assert through("GET", "/_audio/samples/ambient-sounds.mp3").status_code == 404
