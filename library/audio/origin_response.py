"""An origin's response to a GET: its length, which must be certain, and its body.

Also the answer to a POST, of which only the beginning matters.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException, HTTPResponse
from ssl import SSLError
from typing import NamedTuple

from urllib3 import HTTPHeaderDict

from library.audio.errors import AudioUnavailableError
from library.audio.pinned_connection import Exchange

CHUNK_BYTES = 65536
ANSWER_BYTES, ANSWER_SECONDS = 1_000, 2.0
FAILURES = (HTTPException, OSError)
MOST_DIGITS = 15  # of a length; a longer one is larger than any limit

# S3 returns the aws-chunked of an upload, which it has decoded.
NO_CODINGS = {"", "identity", "aws-chunked"}
DIGITS = re.compile(r"[0-9]+")
WHOLE_RANGE = re.compile(r"bytes[ \t]+0-([0-9]{1,15})/([0-9]{1,15})", re.IGNORECASE)


class OriginResponse:
    """An origin's response: the whole audio, or 304 without a body.

    `length` is the size of the audio in bytes, or None if the origin doesn't send it. `received` is
    the number of bytes that `chunks` has yielded.
    """

    def __init__(self, response: HTTPResponse, url: str, max_bytes: int) -> None:
        self.url = url  # after all redirects
        self.status = response.status
        self.headers = HTTPHeaderDict(response.getheaders())
        self.length: int | None = None
        self.received = 0
        self._body = response
        self._max_bytes = max_bytes
        if self.status == 304:
            return
        codings = set(_codings(self.headers, "Content-Encoding"))
        transfer = _codings(self.headers, "Transfer-Encoding")
        # Only if the reader removes the chunks, they are none of the audio's bytes.
        if not response.chunked or transfer != ["chunked"]:
            codings.update(transfer)
        if not NO_CODINGS.issuperset(codings):
            raise AudioUnavailableError("origin_content_coding")
        self.length = None if response.chunked else content_length(self.headers)
        if self.status == 206:
            self.length = _length_of_whole_range(self.headers, self.length)
        if self.length is not None and self.length > max_bytes:
            raise AudioUnavailableError("origin_too_large")

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as its bytes arrive, in chunks of at most CHUNK_BYTES.

        Raises AudioUnavailableError if the body is too large, too slow or ends too early.
        """
        with translated_errors("origin_truncated", tls="origin_truncated"):
            while self.received != self.length and (chunk := self._body.read1(CHUNK_BYTES)):
                if self.length is not None:
                    chunk = chunk[
                        : self.length - self.received
                    ]  # the rest is no part of this response
                self.received += len(chunk)
                if self.received > self._max_bytes:
                    raise AudioUnavailableError("origin_too_large")
                yield chunk
        if self.length is not None and self.received != self.length:
            raise AudioUnavailableError("origin_truncated")


class Answer(NamedTuple):
    """A server's answer to a POST. `beginning` has up to ANSWER_BYTES of its body."""

    status: int
    headers: HTTPHeaderDict
    beginning: bytes


def read_answer(response: HTTPResponse, exchange: Exchange) -> Answer:
    """Return the answer with what arrives of its body within ANSWER_SECONDS.

    Status and header fields have arrived, so a body that is slow, broken or endless is no error.
    """
    exchange.deadline = min(exchange.deadline, time.monotonic() + ANSWER_SECONDS)
    beginning = b""
    with suppress(*FAILURES, ValueError, AudioUnavailableError):
        while chunk := response.read1(ANSWER_BYTES - len(beginning)):
            beginning += chunk
    return Answer(response.status, HTTPHeaderDict(response.getheaders()), beginning)


def content_length(headers: HTTPHeaderDict) -> int | None:
    """Return the length of a body that is not chunked, in bytes, or None if it ends with the
    connection (RFC 9112, 6.3).

    A repeated Content-Length must have equal values (RFC 9110, 8.6). Raises AudioUnavailableError
    if they differ or aren't numbers, because then the body could be incomplete.
    """
    fields = headers.getlist("Content-Length")
    if not fields:
        return None
    values = [value.strip(" \t") for field in fields for value in field.split(",")]
    if not all(map(DIGITS.fullmatch, values)):
        raise AudioUnavailableError("origin_length_invalid")
    lengths = {value.lstrip("0") or "0" for value in values}
    if len(lengths) > 1:
        raise AudioUnavailableError("origin_length_invalid")
    length = lengths.pop()
    return int(length) if len(length) <= MOST_DIGITS else 10**MOST_DIGITS


def _codings(headers: HTTPHeaderDict, name: str) -> list[str]:
    """Return the codings in all fields of a name, in lower case."""
    codings = ",".join(headers.getlist(name)).split(",")
    return [coding.strip(" \t\r\n").lower() for coding in codings]


def _length_of_whole_range(headers: HTTPHeaderDict, length: int | None) -> int:
    """Return the length of the audio in a 206, which must contain all of it.

    Some servers answer with a range although the request has none.
    """
    found = WHOLE_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if found is None or int(found[1]) + 1 != int(found[2]):
        raise AudioUnavailableError("origin_http_error", origin_status=206)
    if length not in (None, int(found[2])):
        raise AudioUnavailableError("origin_length_invalid")
    return int(found[2])


@contextmanager
def translated_errors(code: str, tls: str = "origin_tls_failed") -> Iterator[None]:
    """Raise network errors as AudioUnavailableError: time-outs, `tls`, or `code` for the rest."""
    try:
        yield
    except FAILURES as error:
        raise AudioUnavailableError(_specific_code(error, tls) or code) from error


def _specific_code(error: BaseException | None, tls: str) -> str | None:
    """Return the code of a time-out or TLS error in the chain of causes, or None."""
    while error is not None:
        if isinstance(error, TimeoutError):
            return "origin_timeout"
        if isinstance(error, SSLError):
            return tls
        error = error.__cause__ or error.__context__
    return None
