"""Streams through nginx with X-Accel-Redirect get the same responses as without."""

from collections.abc import Callable, Iterator
from pathlib import Path
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
from harness.waiting import until
from library.models import Clip
from tests.support.log_lines import request_line
from tests.support.renditions import with_renditions
from tests.support.strace import needs_strace, traced

pytestmark = pytest.mark.skipif(not NGINX, reason="needs nginx: make system-tools")
Request = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]
Paths: TypeAlias = pytest.TempPathFactory


@pytest.fixture(scope="module")
def running(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: Paths
) -> Iterator[tuple[Server, Nginx]]:
    """The service with X-Accel-Redirect, and nginx in front of it."""
    folder = tmp_path_factory.mktemp("accel")
    with django_db_blocker.unblock():
        server = Server(folder / "log", CLIPS_ACCEL_LOCATION="/_audio")
    nginx = Nginx(folder, server.port)
    yield server, nginx
    nginx.stop()
    assert server.stop() == 0


@pytest.fixture
def behind(running: tuple[Server, Nginx], emptied: None) -> Server:
    """The service, for requests that bypass nginx."""
    return running[0]


@pytest.fixture
def through(running: tuple[Server, Nginx], emptied: None) -> Iterator[Request]:
    """Send requests to nginx, which forwards them to the service."""
    nginx = running[1]
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=Retry(connect=20, backoff_factor=0.05)))

        def request(method: str, path: str, **options: Any) -> requests.Response:
            return session.request(method, nginx.url + path, timeout=20, **options)

        yield request


def stream(clip: Clip) -> str:
    return f"/api/v1/clips/{clip.pk}/stream"


def test_service_names_the_file_and_sends_no_audio(behind: Server, clip: Clip) -> None:
    named = {"X-Request-ID": "handed"}
    response = requests.get(behind.url + stream(clip), headers=named, timeout=10)
    assert response.headers["X-Accel-Redirect"] == "/_audio/samples/ambient-sounds.mp3"
    assert response.content == b""
    line = request_line(behind, "handed")
    assert (line["outcome"], line["play"], line["bytes"]) == ("handed_over", True, 0)


def test_upload_through_nginx_equals_the_direct_response(
    through: Request, http: Request, clip: Clip, mp3: bytes
) -> None:
    page = {"Origin": "https://elsewhere.example"}
    direct, proxied = (get("GET", stream(clip), headers=page) for get in (http, through))
    assert (proxied.status_code, proxied.content) == (200, mp3)
    for name in (
        *("ETag", "Content-Type", "Content-Length", "Content-Disposition", "Cache-Control"),
        *("Accept-Ranges", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers"),
        *("X-Content-Type-Options", "Cross-Origin-Resource-Policy", "Vary"),
    ):
        assert proxied.headers[name] == direct.headers[name], name


def test_rendition_is_served_through_nginx(behind: Server, through: Request) -> None:
    clip = with_renditions()
    (made,) = clip.renditions or [{}]
    path = f"{stream(clip)}?part=preview"
    named = requests.get(behind.url + path, timeout=10).headers["X-Accel-Redirect"]
    assert named == f"/_audio/media/{made['file']}"
    response = through("GET", path, headers={"Range": "bytes=1000-"})
    assert (response.status_code, len(response.content)) == (206, made["size_bytes"] - 1000)
    assert response.headers["ETag"] == made["etag"]


@pytest.mark.parametrize(
    ("requested", "first", "stop"), [("0-0", 0, 1), ("500-", 500, 457246), ("-1", 457245, 457246)]
)
def test_range_is_served_through_nginx(
    through: Request, clip: Clip, mp3: bytes, requested: str, first: int, stop: int
) -> None:
    response = through("GET", stream(clip), headers={"Range": f"bytes={requested}"})
    assert (response.status_code, response.content) == (206, mp3[first:stop])
    assert response.headers["Content-Range"] == f"bytes {first}-{stop - 1}/{len(mp3)}"


def test_preconditions_apply_through_nginx(through: Request, clip: Clip, mp3: bytes) -> None:
    etag = through("HEAD", stream(clip)).headers["ETag"]
    assert through("GET", stream(clip), headers={"If-None-Match": etag}).status_code == 304
    assert through("GET", stream(clip), headers={"If-Match": '"other"'}).status_code == 412
    assert through("GET", stream(clip), headers={"Range": "bytes=-0"}).status_code == 416
    for condition, status in ((etag, 206), ('"other"', 200)):
        headers = {"Range": "bytes=5-9", "If-Range": condition}
        assert through("GET", stream(clip), headers=headers).status_code == status


def test_if_match_as_vlc_sends_it_is_served_through_nginx(
    through: Request, make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    """nginx would evaluate the preconditions again, with its own validators."""
    modified = "Sun, 01 Nov 2026 12:00:00 GMT"
    url = origin.on("/a", answer(mp3, headers={"Last-Modified": modified}))
    path = stream(make_clip(audio_url=url))
    through("GET", path)
    known = through("GET", path).headers
    assert known["Last-Modified"] == modified
    for name, value in (("If-Match", known["ETag"]), ("If-Unmodified-Since", modified)):
        response = through("GET", path, headers={name: value, "Range": "bytes=5-9"})
        assert (response.status_code, response.content) == (206, mp3[5:10]), name


@pytest.mark.parametrize("requested", ["bytes=5-2", "bytes=a-b", "seconds=0-1"])
def test_ignored_range_gives_the_whole_audio_through_nginx(
    through: Request, clip: Clip, mp3: bytes, requested: str
) -> None:
    response = through("GET", stream(clip), headers={"Range": requested})
    assert (response.status_code, response.content) == (200, mp3)


def test_range_end_beyond_64_bits_is_served_through_nginx(
    through: Request, clip: Clip, mp3: bytes
) -> None:
    response = through("GET", stream(clip), headers={"Range": f"bytes=7-{'9' * 40}"})
    assert (response.status_code, response.content) == (206, mp3[7:])


def test_several_ranges_give_the_whole_audio_through_nginx(
    through: Request, clip: Clip, mp3: bytes
) -> None:
    response = through("GET", stream(clip), headers={"Range": "bytes=0-1,5-6"})
    assert (response.status_code, response.content) == (200, mp3)


def test_origin_is_served_cold_and_warm_through_nginx(
    through: Request, make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    clip = make_clip(audio_url=origin.on("/a", answer(mp3)))
    bodies = [through("GET", stream(clip)).content for _ in range(3)]
    assert bodies == [mp3] * 3
    clip.refresh_from_db()
    assert (clip.play_count, origin.request_counts["/a"]) == (3, 1)


def test_truncated_download_breaks_the_connection_through_nginx(
    through: Request, make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    go_on = Event()
    clip = make_clip(audio_url=origin.on("/a", in_two_parts(mp3, 50_000, go_on, whole=False)))
    response = through("GET", stream(clip), stream=True)
    go_on.set()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        response.content  # noqa: B018


def test_internal_location_is_not_public(through: Request, clip: Clip) -> None:
    assert through("GET", "/_audio/samples/ambient-sounds.mp3").status_code == 404


@needs_strace
def test_nginx_does_not_hold_back_the_end_of_a_range(
    running: tuple[Server, Nginx], through: Request, clip: Clip, tmp_path: Path
) -> None:
    """The http block has `tcp_nopush on`, as Debian's: nginx would leave Nagle's algorithm on."""
    with traced(running[1].workers(), "setsockopt,sendfile", tmp_path) as calls:
        through("GET", stream(clip), headers={"Range": "bytes=100000-199999"})
        until(lambda: "=> [200000]" in calls())
    assert "TCP_CORK" not in calls()
