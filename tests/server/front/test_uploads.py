"""Uploads on the wire: refused before their bodies, received in pieces, and cut off."""

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from unittest import mock

import pytest
from django.conf import settings

from harness.service import Server, read_metrics
from library.api.early_look import KEY, EarlyLook
from library.api.throttles import ClientThrottle
from library.models import Clip
from tests.support.editors import bearer, editor
from tests.support.log_lines import request_line
from tests.support.sounds import MP3_FRAME

MP3 = MP3_FRAME * 500  # 208,500 bytes: too many for one read
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n'
    b'{"title": "New", "genre": "jazz"}\r\n'
    b'--x\r\nContent-Disposition: form-data; name="audio"\r\n\r\n' + MP3 + b"\r\n--x--\r\n"
)


@pytest.fixture
def token(transactional_db: None) -> str:
    return bearer(editor())["Authorization"]


@contextmanager
def connected(server: Server) -> Iterator[tuple[socket.socket, BinaryIO]]:
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=20) as client,
        client.makefile("rb") as answers,
    ):
        yield client, answers


def head(line: str, *fields: str, token: str = "") -> bytes:
    own = [f"Authorization: {token}"] if token else []
    return "\r\n".join((f"{line} HTTP/1.1", "Host: localhost", *fields, *own, "", "")).encode()


def post(*fields: str, token: str = "") -> bytes:
    kind = "Content-Type: multipart/form-data; boundary=x"
    return head("POST /api/v1/clips", kind, *fields, token=token)


def put(clip: Clip, *fields: str, token: str = "") -> bytes:
    return head(f"PUT /api/v1/clips/{clip.pk}/audio", *fields, token=token)


def read(answers: BinaryIO) -> tuple[int, dict[str, Any]]:
    """Return the status and the JSON of the next response."""
    status, length = int(answers.readline().split()[1]), 0
    while line := answers.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return status, json.loads(answers.read(length)) if length else {}


def in_chunks(body: bytes, size: int = 5000) -> bytes:
    pieces = (body[n : n + size] for n in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def stored() -> int:
    return sum(path.is_file() for path in (Path(settings.MEDIA_ROOT) / "uploads").rglob("*"))


@pytest.mark.parametrize("framing", ["Content-Length: 300000", "Transfer-Encoding: chunked"])
def test_body_of_a_stranger_is_not_received(server: Server, clip: Clip, framing: str) -> None:
    for expects in ((), ("Expect: 100-continue",)):
        for request in (post(framing, *expects), put(clip, framing, *expects)):
            with connected(server) as (client, answers):
                client.sendall(request)
                assert read(answers)[0] == 401  # without the body, and without an invitation


def test_head_is_judged_before_the_body(server: Server, clip: Clip, token: str) -> None:
    length, expects = "Content-Length: 300000", "Expect: 100-continue"
    large = "Content-Length: 50000000"
    missing = Clip(pk=clip.pk + 1)
    for request, status in (
        (put(clip, large, expects, token=token), 413),
        (post(large, expects, token=token), 413),
        (put(clip, length, 'If-Match: "old"', token=token), 412),
        (put(missing, length, token=token), 404),
        (put(clip, length, "Content-Digest: sha-256", token=token), 400),
        (put(clip, length, "Idempotency-Key: a b", token=token), 400),
        (put(clip, length, "Content-Range: bytes 5-300004/300005", token=token), 400),
        (post(length, "Content-Range: bytes 5-300004/300005", token=token), 400),
        (put(clip, length, "Content-Encoding: gzip", token=token), 415),
        (put(clip, length, "Content-Type: multipart/form-data", token=token), 415),
        (put(clip, length, "Accept: text/html", token=token), 406),
    ):
        with connected(server) as (client, answers):
            client.sendall(request)
            assert read(answers)[0] == status


def test_client_is_invited_once_it_may_upload(server: Server, clip: Clip, token: str) -> None:
    with connected(server) as (client, answers):
        for body, request in (
            (MP3, put(clip, f"Content-Length: {len(MP3)}", "Expect: 100-continue", token=token)),
            (FORM, post(f"Content-Length: {len(FORM)}", "Expect: 100-continue", token=token)),
            (in_chunks(MP3), put(clip, "Transfer-Encoding: chunked", token=token)),
            (in_chunks(FORM), post("Transfer-Encoding: chunked", token=token)),
        ):
            client.sendall(request)
            if b"Expect" in request:
                assert answers.read(len(CONTINUE)) == CONTINUE
            for start in range(0, len(body), 50_000):
                client.sendall(body[start : start + 50_000])
            status, shown = read(answers)
            assert (status, shown["size_bytes"]) == (201 if b"POST" in request else 200, len(MP3))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
@pytest.mark.parametrize("end", ["half closed", "reset"])
def test_body_that_is_cut_off_leaves_nothing(
    server: Server, clip: Clip, token: str, share: float, end: str
) -> None:
    before, files = Clip.objects.values().get(), stored()
    for number, (request, body) in enumerate(
        (
            (put(clip, f"Content-Length: {len(MP3)}", token=token), MP3),
            (put(clip, "Transfer-Encoding: chunked", token=token), in_chunks(MP3)),
            (post(f"Content-Length: {len(FORM)}", token=token), FORM),
            (post("Transfer-Encoding: chunked", token=token), in_chunks(FORM)),
        )
    ):
        name = f"cut-{end.split()[0]}-{share}-{number}"
        fields = f"X-Request-ID: {name}\r\nExpect: 100-continue\r\n\r\n"
        with connected(server) as (client, answers):
            client.sendall(request[:-2] + fields.encode())
            assert answers.read(len(CONTINUE)) == CONTINUE  # so that the server has the head
            client.sendall(body[: int(share * len(body))])
            if end == "half closed":
                client.shutdown(socket.SHUT_WR)
                status, error = read(answers)
                assert (status, error["code"]) == (400, "body_incomplete")
            else:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line = request_line(server, name)
        assert line["status"] == (400 if end == "half closed" else 499)
    assert (Clip.objects.values().get(), stored()) == (before, files)


def test_form_that_is_too_short_for_its_length_is_refused(server: Server, token: str) -> None:
    """The client cut the form, and sent the length of what was left."""
    body = FORM[:100_000]
    with connected(server) as (client, answers):
        client.sendall(post(f"Content-Length: {len(body)}", token=token) + body)
        status, error = read(answers)
        assert (status, error["code"]) == (400, "form_invalid")
    assert not Clip.objects.exists()


def test_early_look_is_no_request_of_its_own(server: Server, clip: Clip, token: str) -> None:
    def counted() -> dict[str, float]:
        found = read_metrics(server.metrics_address)
        return {name: value for name, value in found.items() if 'view="clip-audio"' in name}

    before = sum(value for name, value in counted().items() if "responses" in name)
    with connected(server) as (client, answers):
        client.sendall(put(clip, f"Content-Length: {len(MP3)}", token=token) + MP3)
        assert read(answers)[0] == 200
    after = counted()
    assert not [name for name in after if 'status="100"' in name]
    assert sum(value for name, value in after.items() if "responses" in name) == before + 1


def test_both_turns_count_as_one_request() -> None:
    look, view = EarlyLook(), mock.Mock(action="replace_audio", headers={})
    request = mock.Mock(META={KEY: look})
    with (
        mock.patch.multiple(settings, CLIPS_THROTTLE=True),
        mock.patch("library.api.throttles._counts.add", return_value=1) as add,
    ):
        assert ClientThrottle().allow_request(request, view)
        shown, view.headers = view.headers, {}
        assert ClientThrottle().allow_request(request, view)
    assert add.call_count == 1
    assert view.headers == shown
    assert "RateLimit" in shown
