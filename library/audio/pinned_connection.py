"""Connections to a given address, on which every receive is limited in time and bytes.

A callback opens the socket, so the connection goes to the address that the policy has checked,
while TLS still verifies the host name.
"""

import re
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.errors import FirstHeaderLineIsContinuationDefect, MissingHeaderBodySeparatorDefect
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse
from typing import Any, cast

from urllib3.util import Url

from library.audio.errors import AudioUnavailableError
from library.audio.origin_policy import DEFAULT_PORTS

HEADER_DEFECTS = (FirstHeaderLineIsContinuationDefect, MissingHeaderBodySeparatorDefect)
FRAMING = re.compile(
    r"^[ \t]*(?:Content-Length|Content-Encoding|Transfer-Encoding)[ \t]*:", re.I | re.M
)
CHUNK_SIZE = re.compile(rb"0*([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?\r?\n")  # RFC 9112, 7.1
LONGEST_CHUNK_LINE = 8192  # bytes, with extensions


@dataclass
class Exchange:
    """What remains of the time and bytes for one exchange, including its redirects."""

    deadline: float
    read_limit: float  # seconds until the next bytes
    bytes_left: int

    def remaining(self) -> float:
        """Return the seconds until the deadline."""
        return self.deadline - time.monotonic()

    def next_receive(self) -> float:
        """Return how many seconds the next receive or send may take, or raise TimeoutError."""
        remaining = self.remaining()
        if remaining <= 0:
            raise TimeoutError("the exchange took longer than its limit")
        return min(remaining, self.read_limit)

    def count(self, received: int) -> None:
        """Count bytes that have been received. Raises AudioUnavailableError if they are too many.

        `http.client` discards interim responses, chunk extensions and trailers of any size.
        """
        self.bytes_left -= received
        if self.bytes_left < 0:
            raise AudioUnavailableError("origin_too_large")


class LimitedSocket(socket.socket):
    """A socket on which each receive and each send is limited by the exchange.

    A socket timeout is not enough: it restarts with every byte of an origin that sends slowly.
    """

    exchange: Exchange

    def send(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(self.exchange.next_receive())
        return super().send(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(self.exchange.next_receive())
        super().sendall(*args, **kwargs)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(self.exchange.next_receive())
        received = super().recv_into(*args, **kwargs)
        self.exchange.count(received)
        return received


class LimitedTLSSocket(LimitedSocket, ssl.SSLSocket):
    """A LimitedSocket with TLS, on which the handshake and each record are one receive."""


Connect = Callable[[str, int], LimitedSocket]


class _Response(HTTPResponse):
    """A response that `http.client` reads as RFC 9112 specifies where the two differ."""

    def begin(self) -> None:
        """Read the head of the final response."""
        super().begin()
        while 100 < self.status < 200 and self.status != 101:  # super() skips only 100
            self.headers = self.msg = cast("HTTPMessage", None)
            super().begin()
        self._refuse_lost_fields()
        codings = self.headers.get_all("Transfer-Encoding", [])
        if [coding.strip(" \t\r\n").lower() for coding in codings] == ["chunked"]:
            # super() does not ignore the white space around a value (RFC 9110, 5.5).
            self.chunked, self.chunk_left, self.length = True, None, None

    def _refuse_lost_fields(self) -> None:
        """Raise HTTPException if the body's length or coding may be lost.

        The parser ignores a malformed line and, as the payload, all fields after it.
        """
        if any(isinstance(defect, HEADER_DEFECTS) for defect in self.headers.defects) and (
            "Content-Length" not in self.headers or FRAMING.search(str(self.headers.get_payload()))
        ):
            raise HTTPException("a header line is malformed")

    def _read_next_chunk_size(self) -> int:
        """Read the line before a chunk. super() accepts signs, underscores and half a line."""
        found = CHUNK_SIZE.fullmatch(self.fp.readline(LONGEST_CHUNK_LINE))
        if found is None:
            raise ValueError("the size of a chunk is malformed")
        return int(found[1], 16)


class PinnedConnection(HTTPConnection):
    """A connection for one request, to an address that a callback has checked.

    urllib3 and requests would rewrite the URL: `http.client` sends it as it is.
    """

    response_class = _Response

    def __init__(self, parts: Url, connect: Connect, tls: ssl.SSLContext) -> None:
        """`parts` are those of the URL. `connect(host, port)` opens the TCP connection."""
        scheme = parts.scheme or "http"
        port = DEFAULT_PORTS[scheme] if parts.port is None else parts.port
        super().__init__((parts.host or "").strip("[]"), port)
        self.default_port = DEFAULT_PORTS[scheme]  # which the Host field leaves out
        self._connect_to = connect
        self._tls = tls if scheme == "https" else None

    def connect(self) -> None:
        self.sock = tcp = self._connect_to(self.host, self.port)
        if self._tls is None:
            return
        # A body of unknown length that ends without close_notify may have been truncated.
        wrapped = self._tls.wrap_socket(
            tcp, server_hostname=self.host.rstrip("."), suppress_ragged_eofs=False
        )
        secure = cast("LimitedTLSSocket", wrapped)  # a new object around the same descriptor
        secure.exchange = tcp.exchange
        self.sock = secure
