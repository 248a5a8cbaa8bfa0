"""POST requests of the origin client, to receivers that misbehave."""

import socket
import time

import pytest

from harness.origin import Origin, answer
from library.audio.errors import AudioUnavailableError
from library.audio.origin_response import ANSWER_BYTES, Answer
from tests.audio.fetching import client, redirect, sending, shared_client


def post(url: str, body: bytes = b"{}") -> Answer:
    return shared_client().post(url, body, {"webhook-id": "msg_1"})


def failure(url: str, body: bytes = b"{}") -> str:
    with pytest.raises(AudioUnavailableError) as raised:
        post(url, body)
    return raised.value.code


def test_any_answer_is_returned_with_the_beginning_of_its_body(origin: Origin) -> None:
    url = origin.on("/a", answer(b"x" * 5000, "503 Busy", {"Retry-After": "5"}))
    status, headers, beginning = post(url)
    assert (status, headers["Retry-After"], beginning) == (503, "5", b"x" * ANSWER_BYTES)
    request = origin.requests[0]
    assert request.startswith("POST /a HTTP/1.1\r\n")
    assert "webhook-id: msg_1" in request
    assert "Content-Length: 2" in request
    assert "Accept-Encoding: identity" in request


def test_redirect_is_not_followed(origin: Origin) -> None:
    other = origin.on("/b", answer(b"x"))
    assert post(origin.on("/a", redirect(other))).status == 302
    assert origin.request_counts["/b"] == 0


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 99\r\n\r\nhalf",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nx",
        b"Transfer-Encoding: chunked\r\n\r\n4;" + b"x" * 9000 + b"\r\nhalf",
        b"Content-Length: 4, 5\r\n\r\nhalf",
    ],
)
def test_broken_body_is_no_error(origin: Origin, body: bytes) -> None:
    assert post(origin.on("/a", sending(b"HTTP/1.1 200 OK\r\n" + body))).status == 200


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX: ", b"", b"HTTP/1.1 100 Continue\r\n"])
def test_head_that_drips_ends_with_the_total_limit(origin: Origin, head: bytes) -> None:
    def drip(connection: socket.socket, request: str) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(b"y")
            time.sleep(0.05)

    assert failure(origin.on("/a", drip)) == "origin_timeout"


def test_receiver_that_reads_slowly_ends_with_the_limit(origin: Origin) -> None:
    def read_slowly(connection: socket.socket, request: str) -> None:
        while connection.recv(10):
            time.sleep(0.05)

    assert failure(origin.on("/a", read_slowly), b"x" * 30_000_000) == "origin_timeout"


@pytest.mark.parametrize("raw", [b"SSH-2.0-x\r\n", b"", b"HTTP/1.1 abc\r\n\r\n"])
def test_response_that_is_not_http(origin: Origin, raw: bytes) -> None:
    assert failure(origin.on("/a", sending(raw))) == "origin_protocol_error"


def test_endless_head_is_too_large(origin: Origin) -> None:
    def send(connection: socket.socket, request: str) -> None:
        while True:
            connection.sendall(b"HTTP/1.1 102 Wait\r\n\r\n" * 1000)

    assert failure(origin.on("/a", send)) == "origin_too_large"


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://localhost/", "http://[::1]/"])
def test_private_address_is_refused(url: str) -> None:
    with pytest.raises(AudioUnavailableError, match="origin_address_refused"):
        client("none").post(url, b"{}", {})
