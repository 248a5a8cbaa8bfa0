"""Where an origin's response begins and ends: interim responses, chunks, malformed fields."""

import socket
from dataclasses import replace

import pytest

from harness.origin import Handler, Origin
from tests.audio.fetching import LIMITS, client, failure, fetch, sending

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
FIVE = b"Content-Length: 5\r\n\r\nabcde"
CHUNKS = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "field", ["chunked", "chunked ", "chunked\t", " \tChunked \t", "CHUNKED", "\r\n chunked"]
)
@pytest.mark.parametrize("length", ["", "Content-Length: 20\r\n", "Content-Length: x\r\n"])
def test_chunks_are_removed(origin: Origin, field: str, length: str) -> None:
    head = f"HTTP/1.1 200 OK\r\n{length}Transfer-Encoding:{field}\r\n\r\n".encode()
    assert fetch(origin.on("/a", sending(head + CHUNKS))) == b"abcde"


@pytest.mark.parametrize(
    "field",
    [
        *("gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "chunked,", "chunked;q=1"),
        *("chunked\r\nTransfer-Encoding: chunked", "identity\r\nTransfer-Encoding: chunked"),
        *("chunked\r\nTransfer-Encoding: identity", "chunked\r\nTransfer-Encoding: gzip"),
        *("\r\nTransfer-Encoding: chunked", "chunked\x0b", "xchunked", "chunked x"),
    ],
)
@pytest.mark.parametrize("length", ["", "Content-Length: 20\r\n"])
def test_other_transfer_codings_are_refused(origin: Origin, field: str, length: str) -> None:
    head = f"HTTP/1.1 200 OK\r\n{length}Transfer-Encoding: {field}\r\n\r\n".encode()
    assert failure(origin.on("/a", sending(head + CHUNKS))) == "origin_content_coding"


@pytest.mark.parametrize("field", ["", "identity", "Identity "])
def test_identity_transfer_coding_is_accepted(origin: Origin, field: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: {field}\r\n".encode()
    assert fetch(origin.on("/a", sending(head + FIVE))) == b"abcde"


@pytest.mark.parametrize(
    "chunks",
    [
        *(b"-5\r\nabcde\r\n0\r\n\r\n", b"+5\r\nabcde\r\n0\r\n\r\n", b"0x5\r\nabcde\r\n0\r\n\r\n"),
        *(b"0_5\r\nabcde\r\n0\r\n\r\n", b"5 5\r\nabcde\r\n0\r\n\r\n", b"\r\nabcde\r\n0\r\n\r\n"),
        *(b"5\r\nabcde\r\n", b"5\r\nabcde\r\n0", b"5\r\nabcde\r\n00", b"5\r\nabcde\r\n0;x"),
        *(b"g\r\nabcde\r\n0\r\n\r\n", b"9" * 16 + b"\r\nabcde", b"5;" + b"x" * 9000 + b"\r\nabcde"),
    ],
)
def test_malformed_and_missing_chunks_truncate_the_body(origin: Origin, chunks: bytes) -> None:
    assert failure(origin.on("/a", sending(CHUNKED + chunks))) == "origin_truncated"


def test_negative_chunk_does_not_put_framing_into_a_range(origin: Origin) -> None:
    head = b"HTTP/1.1 206 OK\r\nContent-Range: bytes 0-8/9\r\nTransfer-Encoding: chunked\r\n\r\n"
    url = origin.on("/a", sending(head + b"-1\r\nabcd\r\n5\r\nefghi\r\n0\r\n\r\n"))
    assert failure(url) == "origin_truncated"


@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints", "199"])
def test_interim_responses_are_skipped(origin: Origin, status: str) -> None:
    """RFC 9110, 15.2."""
    interim = f"HTTP/1.1 {status}\r\nLink: </a.css>\r\nContent-Length: 9\r\n\r\n".encode()
    assert fetch(origin.on("/a", sending(interim * 3 + OK + FIVE))) == b"abcde"


def test_switch_of_protocols_is_an_error(origin: Origin) -> None:
    raw = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"
    assert failure(origin.on("/a", sending(raw + OK + FIVE))) == "origin_http_error"


@pytest.mark.parametrize(
    "line", ["ICY 200 OK", "HTTP/2 200", "HTTP/1.1", "HTTP/1.1 abc", "HTTP/1.1 20", "200 OK", "<p>"]
)
def test_malformed_status_line_is_an_error(origin: Origin, line: str) -> None:
    url = origin.on("/a", sending(f"{line}\r\n".encode() + FIVE))
    assert failure(url) == "origin_protocol_error"


@pytest.mark.parametrize(
    "fields",
    [
        *("X: y\r\n" * 101, f"X: {'y' * 65536}\r\n", "junk\r\nTransfer-Encoding: chunked\r\n"),
        *("junk\r\nContent-Length: 9\r\n", "Content-Length : 9\r\n", "Transfer-Encoding : x\r\n"),
        "junk\r\nCONTENT-ENCODING: gzip\r\n",
    ],
)
def test_head_that_hides_the_length_or_coding_is_an_error(origin: Origin, fields: str) -> None:
    head = OK + b"Content-Length: 5\r\n" + fields.encode() + b"\r\n"
    assert failure(origin.on("/a", sending(head + b"abcde"))) == "origin_protocol_error"


@pytest.mark.parametrize(
    "fields", ["X: y\r\n" * 90, "X: a\r\n b\r\n", ": x\r\n", "junk\r\nX: y\r\n"]
)
def test_odd_fields_beside_a_length_are_accepted(origin: Origin, fields: str) -> None:
    head = OK + b"Content-Length: 5\r\n" + fields.encode() + b"\r\n"
    assert fetch(origin.on("/a", sending(head + b"abcde"))) == b"abcde"


# Bytes that are not part of the audio


def endless(head: bytes, drop: bytes) -> Handler:
    """Send the head, then the drop as fast as possible until the client closes."""

    def handle(connection: socket.socket, request: str) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(drop * 1000)

    return handle


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n"),
        (CHUNKED + b"1\r\nx\r\n0\r\n", b"X: y\r\n"),
        (CHUNKED, b"1;" + b"x" * 2000 + b"\r\ny\r\n"),
    ],
    ids=["continue", "early hints", "trailers", "chunk extensions"],
)
def test_bytes_outside_the_body_count_for_the_limit(
    origin: Origin, head: bytes, drop: bytes
) -> None:
    patient = client(limits=replace(LIMITS, total=30.0))
    assert failure(origin.on("/a", endless(head, drop)), patient) == "origin_too_large"


def test_body_of_the_largest_size_may_be_chunked(origin: Origin) -> None:
    whole, rest = divmod(LIMITS.max_bytes, 1000)
    assert not rest
    body = (b"3e8\r\n" + b"y" * 1000 + b"\r\n") * whole
    assert len(fetch(origin.on("/a", sending(CHUNKED + body + b"0\r\n\r\n")))) == LIMITS.max_bytes
