"""The contract of the stream endpoint, over HTTP through gunicorn."""

import http.client as http_client
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from email.utils import formatdate, parsedate_to_datetime
from threading import Event

import pytest
import requests

from harness.origin import Origin, answer, in_two_parts
from harness.service import Server
from library.models import Clip

Request = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]


@pytest.fixture(params=["upload", "origin"])
def stream(request: pytest.FixtureRequest, make_clip: MakeClip, origin: Origin, mp3: bytes) -> str:
    """The path of a stream: of an uploaded file, then of an origin's audio."""
    if request.param == "upload":
        return f"/api/v1/clips/{make_clip().pk}/stream"
    url = origin.on("/a.mp3", answer(mp3, headers={"ETag": '"v1"'}))
    return f"/api/v1/clips/{make_clip(audio_url=url).pk}/stream"


def test_get_returns_the_whole_audio(http: Request, stream: str, mp3: bytes) -> None:
    response = http("GET", stream)
    assert (response.status_code, response.content) == (200, mp3)
    assert response.headers["Content-Length"] == str(len(mp3))


def test_response_has_the_headers_that_players_need(http: Request, stream: str) -> None:
    headers = http("GET", stream).headers
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Type"] == "audio/mpeg"
    assert headers["ETag"].startswith('"')
    assert parsedate_to_datetime(headers["Last-Modified"])
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"] == 'inline; filename="Ambient Sounds.mp3"'
    assert headers["Cache-Control"] == "private, no-cache"


def test_head_returns_the_headers_of_get_and_ignores_the_range(http: Request, stream: str) -> None:
    whole, head = http("GET", stream), http("HEAD", stream, headers={"Range": "bytes=0-9"})
    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    ("requested", "first", "last"),
    [("0-0", 0, 0), ("500-", 500, -1), ("-1", -1, -1), ("0-999999999", 0, -1), ("7-99", 7, 99)],
)
def test_satisfiable_range_is_206(
    http: Request, stream: str, mp3: bytes, requested: str, first: int, last: int
) -> None:
    size = len(mp3)
    first, last = first % size, last % size
    response = http("GET", stream, headers={"Range": f"bytes={requested}"})
    assert (response.status_code, response.content) == (206, mp3[first : last + 1])
    assert response.headers["Content-Range"] == f"bytes {first}-{last}/{size}"


@pytest.mark.parametrize("requested", ["bytes=a-b", "bytes=5-2", "seconds=0-1", "bytes=0-1,5-6"])
def test_ignored_range_is_200(http: Request, stream: str, mp3: bytes, requested: str) -> None:
    response = http("GET", stream, headers={"Range": requested})
    assert (response.status_code, response.content) == (200, mp3)


@pytest.mark.parametrize("requested", ["bytes=457246-", "bytes=99999999-", "bytes=-0"])
def test_range_past_the_end_is_416(http: Request, stream: str, mp3: bytes, requested: str) -> None:
    response = http("GET", stream, headers={"Range": requested})
    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{len(mp3)}"
    assert response.json()["code"] == "range_not_satisfiable"


def test_if_none_match_and_if_modified_since_are_304_before_any_range(
    http: Request, stream: str
) -> None:
    known = http("GET", stream).headers
    for field, value in (
        ("If-None-Match", known["ETag"]),
        ("If-None-Match", "W/" + known["ETag"]),
        ("If-None-Match", "*"),
        ("If-Modified-Since", known["Last-Modified"]),
    ):
        response = http("GET", stream, headers={field: value, "Range": "bytes=0-9"})
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["ETag"] == known["ETag"]


@pytest.mark.parametrize("etag", ['"other"', 'W/"{etag}"'])
def test_if_match_with_another_or_weak_etag_is_412(http: Request, stream: str, etag: str) -> None:
    known = http("GET", stream).headers["ETag"]
    response = http("GET", stream, headers={"If-Match": etag.format(etag=known.strip('"'))})
    assert response.status_code == 412
    assert response.json()["code"] == "precondition_failed"


def test_if_match_with_the_current_etag_is_200(http: Request, stream: str) -> None:
    known = http("GET", stream).headers["ETag"]
    assert http("GET", stream, headers={"If-Match": known}).status_code == 200


def test_if_unmodified_since_before_the_last_change_is_412(http: Request, stream: str) -> None:
    known = http("GET", stream).headers["Last-Modified"]
    for date, status in ((formatdate(0, usegmt=True), 412), (known, 206)):
        headers = {"If-Unmodified-Since": date, "Range": "bytes=5-9"}
        assert http("GET", stream, headers=headers).status_code == status


def test_if_range_with_the_current_validator_is_206(http: Request, stream: str) -> None:
    known = http("GET", stream).headers
    for condition in (known["ETag"], known["Last-Modified"]):
        headers = {"Range": "bytes=5-9", "If-Range": condition}
        assert http("GET", stream, headers=headers).status_code == 206


def test_if_range_with_another_validator_is_200(http: Request, stream: str, mp3: bytes) -> None:
    known = http("GET", stream).headers["ETag"]
    for condition in ('"other"', f"W/{known}", formatdate(0, usegmt=True), "nonsense", ""):
        headers = {"Range": "bytes=5-9", "If-Range": condition}
        response = http("GET", stream, headers=headers)
        assert (response.status_code, response.content) == (200, mp3)


def test_download_is_an_attachment(http: Request, stream: str) -> None:
    for yes in ("1", "true", "True", "yes"):
        disposition = http("GET", f"{stream}?download={yes}").headers["Content-Disposition"]
        assert disposition == 'attachment; filename="Ambient Sounds.mp3"'
    for no in ("", "0", "false", "no"):
        disposition = http("GET", f"{stream}?download={no}").headers["Content-Disposition"]
        assert disposition == 'inline; filename="Ambient Sounds.mp3"'


def test_title_with_any_characters_becomes_a_file_name(http: Request, make_clip: MakeClip) -> None:
    clip = make_clip(title='Café "Ünder"/\\\r\n日本')
    disposition = http("GET", f"/api/v1/clips/{clip.pk}/stream").headers["Content-Disposition"]
    assert disposition == (
        'inline; filename="Cafe Under __.mp3"; '
        "filename*=utf-8''Caf%C3%A9%20%C3%9Cnder%20%E6%97%A5%E6%9C%AC.mp3"
    )


def test_accept_header_is_ignored(http: Request, stream: str) -> None:
    assert http("GET", stream, headers={"Accept": "audio/webm"}).status_code == 200


def test_unknown_clip_is_404(http: Request) -> None:
    response = http("GET", "/api/v1/clips/999999/stream")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_etag_is_the_same_in_all_processes_and_after_a_restart(
    http: Request, clip: Clip, start_server: Callable[..., Server]
) -> None:
    path = f"/api/v1/clips/{clip.pk}/stream"
    elsewhere = requests.head(start_server().url + path, timeout=10)
    assert elsewhere.headers["ETag"] == http("HEAD", path).headers["ETag"]


# Origins that fail


@pytest.mark.parametrize(
    ("handler", "code"),
    [
        (answer(b"", "404 Not Found"), "origin_http_error"),
        (answer(b"", "500 Oh"), "origin_http_error"),
        (answer(b"<html>"), "origin_web_page"),
        (answer(b""), "origin_empty"),
        (answer(b"x", headers={"Content-Encoding": "gzip"}), "origin_content_coding"),
        (answer(b"x", headers={"Content-Length": "99999999"}), "origin_too_large"),
        (answer(b"", "302 Found", {"Location": "/a"}), "origin_redirect_loop"),
        (answer(b"", "302 Found", {"Location": "http://127.0.0.2/"}), "origin_address_refused"),
    ],
)
def test_failing_origin_is_502_with_its_cause(
    http: Request, make_clip: MakeClip, origin: Origin, handler: object, code: str
) -> None:
    clip = make_clip(audio_url=origin.on("/a", handler))  # type: ignore[arg-type]
    response = http("GET", f"/api/v1/clips/{clip.pk}/stream")
    assert (response.status_code, response.json()["code"]) == (502, code)
    assert response.headers["Cache-Control"] == "no-store"


def test_private_origin_is_502(http: Request, make_clip: MakeClip) -> None:
    clip = make_clip(audio_url="http://127.0.0.2/a.mp3")
    response = http("GET", f"/api/v1/clips/{clip.pk}/stream")
    assert (response.status_code, response.json()["code"]) == (502, "origin_address_refused")


def test_slow_origin_is_504(http: Request, make_clip: MakeClip, origin: Origin) -> None:
    released = Event()
    clip = make_clip(audio_url=origin.on("/a", lambda *_: released.wait(20)))
    response = http("GET", f"/api/v1/clips/{clip.pk}/stream")
    released.set()
    assert (response.status_code, response.json()["code"]) == (504, "origin_timeout")


def test_clip_that_points_to_its_own_stream_does_not_loop(
    http: Request, make_clip: MakeClip, server: Server
) -> None:
    clip = make_clip(audio_url="http://127.0.0.1/")
    Clip.objects.update(audio_url=f"{server.url}/api/v1/clips/{clip.pk}/stream")
    response = http("GET", f"/api/v1/clips/{clip.pk}/stream")
    assert (response.status_code, response.json()["code"]) == (502, "origin_http_error")


def raw_request(server: Server, path: str, version: str) -> bytes:
    """Return everything that the server sends until it closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(f"GET {path} HTTP/{version}\r\nHost: localhost\r\n\r\n".encode())
        received = b""
        try:
            while data := connection.recv(65536):
                received += data
        except ConnectionResetError:
            pass
        return received


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_truncated_download_breaks_the_connection(
    server: Server, make_clip: MakeClip, origin: Origin, mp3: bytes, version: str
) -> None:
    go_on = Event()
    clip = make_clip(audio_url=origin.on("/a", in_two_parts(mp3, 50_000, go_on, whole=False)))
    path = f"/api/v1/clips/{clip.pk}/stream"
    with ThreadPoolExecutor() as pool:
        listening = pool.submit(raw_request, server, path, version)
        go_on.set()
        head, _, body = listening.result().partition(b"\r\n\r\n")
    if b"200 OK" in head:  # the headers were sent before the download failed
        assert f"Content-Length: {len(mp3)}".encode() in head
        assert len(body) < len(mp3)
    else:
        assert b"origin_truncated" in body


def test_range_that_a_truncated_download_lacks_is_502(
    http: Request, make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    go_on = Event()
    clip = make_clip(audio_url=origin.on("/a", in_two_parts(mp3, 50_000, go_on, whole=False)))
    with ThreadPoolExecutor() as pool:
        far = {"headers": {"Range": "bytes=-10"}}
        waiting = pool.submit(http, "GET", f"/api/v1/clips/{clip.pk}/stream", **far)
        go_on.set()
        response = waiting.result()
    assert (response.status_code, response.json()["code"]) == (502, "origin_truncated")


def test_short_body_is_an_error_for_clients(
    server: Server, make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    go_on = Event()
    clip = make_clip(audio_url=origin.on("/a", in_two_parts(mp3, 50_000, go_on, whole=False)))
    connection = http_client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    with closing(connection):
        connection.request("GET", f"/api/v1/clips/{clip.pk}/stream")
        with connection.getresponse() as response:
            go_on.set()
            with pytest.raises(http_client.IncompleteRead):
                response.read()


def test_thirty_concurrent_listeners_of_all_processes_cost_one_download(
    http: Request, make_clip: MakeClip, origin: Origin, mp3: bytes, server: Server
) -> None:
    go_on = Event()
    clip = make_clip(audio_url=origin.on("/a", in_two_parts(mp3, 50_000, go_on)))
    url = f"{server.url}/api/v1/clips/{clip.pk}/stream"
    with ThreadPoolExecutor(30) as pool:
        listening = [pool.submit(requests.get, url, timeout=20) for _ in range(30)]
        go_on.set()
        assert {listener.result().content for listener in listening} == {mp3}
    assert origin.request_counts["/a"] == 1
    clip.refresh_from_db()
    assert clip.play_count == 30
