"""Connections to a given address, with a deadline on every receive.

A callback opens the socket, so the connection goes to the address that the policy has checked,
while TLS still verifies the host name.
"""

import socket
import ssl
import time
from collections.abc import Callable
from email.errors import FirstHeaderLineIsContinuationDefect, MissingHeaderBodySeparatorDefect
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, cast

from urllib3.util import Url

from library.audio.origin_policy import DEFAULT_PORTS

HEADER_DEFECTS = (FirstHeaderLineIsContinuationDefect, MissingHeaderBodySeparatorDefect)


class DeadlineSocket(socket.socket):
    """A socket on which each receive is limited by the read limit and the exchange's deadline.

    A socket timeout is not enough: it restarts with every byte of an origin that sends slowly.
    """

    deadline: float
    read_limit: float

    def remaining(self) -> float:
        return self.deadline - time.monotonic()

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        remaining = self.remaining()
        if remaining <= 0:
            raise TimeoutError("the exchange took longer than its limit")
        self.settimeout(min(remaining, self.read_limit))
        return super().recv_into(*args, **kwargs)


class DeadlineTLSSocket(DeadlineSocket, ssl.SSLSocket):
    """A DeadlineSocket with TLS, on which the handshake and each record are one receive."""


Connect = Callable[[str, int], DeadlineSocket]


class _Response(HTTPResponse):
    """A response whose length is not lost behind a malformed header line.

    The parser ignores such a line and all fields after it.
    """

    def begin(self) -> None:
        super().begin()
        if "Content-Length" not in self.headers and any(
            isinstance(defect, HEADER_DEFECTS) for defect in self.headers.defects
        ):
            raise HTTPException("a header line is malformed")


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
        secure = cast("DeadlineTLSSocket", wrapped)  # a new object around the same descriptor
        secure.deadline, secure.read_limit = tcp.deadline, tcp.read_limit
        self.sock = secure
