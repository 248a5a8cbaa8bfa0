"""The length of an origin's response, which must be certain."""

import socket
import threading

import pytest

from harness.origin import Handler, Origin, answer
from library.audio.errors import AudioUnavailableError
from tests.audio.fetching import failure, fetch, sending, shared_client


@pytest.mark.parametrize(
    "fields",
    [
        *(
            "-5",
            "abc",
            "+5",
            "5 5",
            "",
            " ",
            "5.0",
            "5_0",
            "0x5",
            "\xb2",
            "5,",
            ",5",
            "5;",
            "5\r\n 0",
        ),
        *("5\r\n 0", "1, 2", "5, abc", "3\r\nContent-Length: 5", "3\r\nContent-Length: -3"),
        *("5\r\nContent-Length:", "1" * 5000 + "x"),
    ],
)
def test_invalid_content_length_is_an_error(origin: Origin, fields: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {fields}\r\n\r\n".encode("latin-1")
    assert failure(origin.on("/a", sending(head + b"abcde"))) == "origin_length_invalid"


@pytest.mark.parametrize(
    "fields", ["5", "005", "0" * 30 + "5", "5, 5", "5,5 ", "5\r\nContent-Length: 5", "5, 05"]
)
def test_equal_content_lengths_are_one(origin: Origin, fields: str) -> None:
    """RFC 9110, 8.6. The body ends there, even if the origin sends more or stays connected."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {fields}\r\n\r\n".encode()
    ended = threading.Event()

    def stay(connection: socket.socket, request: str) -> None:
        connection.sendall(head + b"abcde, and more")
        ended.wait(10)

    with shared_client().get(origin.on("/a", stay)) as response:
        assert response.length == 5
        assert b"".join(response.chunks()) == b"abcde"
    ended.set()


def test_length_with_more_digits_than_any_limit_is_too_large(origin: Origin) -> None:
    url = origin.on("/a", answer(b"x", headers={"Content-Length": "9" * 5000}))
    assert failure(url) == "origin_too_large"


def test_content_length_of_a_chunked_body_is_ignored(origin: Origin) -> None:
    """RFC 9112, 6.3."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert fetch(origin.on("/a", sending(head + b"3\r\nabc\r\n0\r\n\r\n"))) == b"abc"


# Responses with a range, which the request does not ask for


def part(content_range: str, body: bytes = b"abcde", **fields: str) -> Handler:
    return answer(body, "206 Partial Content", {"Content-Range": content_range, **fields})


@pytest.mark.parametrize("content_range", ["bytes 0-4/5", "Bytes  0-4/5", "bytes 0-004/5"])
def test_range_with_the_whole_audio_is_accepted(origin: Origin, content_range: str) -> None:
    with shared_client().get(origin.on("/a", part(content_range))) as response:
        assert response.length == 5
        assert b"".join(response.chunks()) == b"abcde"


@pytest.mark.parametrize(
    "content_range",
    [
        *("bytes 0-4/6", "bytes 1-5/6", "bytes 1-4/5", "bytes 0-4/*", "bytes */5", "bytes 0-4"),
        *("", "abc", "items 0-4/5", "bytes 0-5/5", "bytes 0--1/0", "bytes -4/5", "bytes=0-4/5"),
        "bytes 0-4/5, bytes 0-4/5",
    ],
)
def test_range_with_a_part_of_the_audio_is_an_error(origin: Origin, content_range: str) -> None:
    with pytest.raises(AudioUnavailableError) as raised:
        fetch(origin.on("/a", part(content_range)))
    assert (raised.value.code, raised.value.origin_status) == ("origin_http_error", 206)


def test_range_that_contradicts_the_length_is_an_error(origin: Origin) -> None:
    assert failure(origin.on("/a", part("bytes 0-5/6"))) == "origin_length_invalid"


@pytest.mark.parametrize(("body", "code"), [(b"abcde", None), (b"abc", "origin_truncated")])
def test_length_of_a_chunked_range_is_that_of_the_range(
    origin: Origin, body: bytes, code: str | None
) -> None:
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    fields = {"Content-Length": "", "Transfer-Encoding": "chunked"}
    url = origin.on("/a", part("bytes 0-4/5", chunks, **fields))
    assert (failure(url) if code else fetch(url)) == (code or body)
