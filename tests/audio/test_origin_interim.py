"""Interim responses of origins (RFC 9110, 15.2)."""

import pytest

from harness.origin import Origin
from tests.audio.fetching import failure, fetch, sending

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
INTERIM = {
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n",
    "processing": b"HTTP/1.1 102 Processing\r\n\r\n",
    "early hints": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 9\r\n\r\n",
    "unknown": b"HTTP/1.1 199 Later\r\nRetry-After: 1\r\n\r\n",
}


@pytest.mark.parametrize("interim", [*INTERIM.values(), b"".join(INTERIM.values())], ids=repr)
def test_interim_responses_are_skipped(origin: Origin, interim: bytes) -> None:
    assert fetch(origin.on("/a", sending(interim + OK))) == b"x"


def test_switching_protocols_is_an_error(origin: Origin) -> None:
    switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"
    assert failure(origin.on("/a", sending(switching + OK))) == "origin_http_error"
