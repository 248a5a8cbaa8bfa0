"""An adapter for requests that connects to a given address, with a deadline on every receive.

A callback opens the socket, so the connection goes to the address that the policy has checked,
while TLS still verifies the host name.
"""

import socket
import ssl
import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import parse_url

from library.audio.origin_policy import DEFAULT_PORTS


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

    suppress_ragged_eofs: bool  # an attribute of ssl.SSLSocket that typeshed lacks


Connect = Callable[[str, int], DeadlineSocket]


class _PinnedHTTPConnection(HTTPConnection):
    """A connection whose TCP socket a callback opens. urllib3 wraps it in TLS."""

    def __init__(self, connect: Connect, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connect_to = connect

    def _new_conn(self) -> socket.socket:
        self._tcp = self._connect_to(self._dns_host, self.port or 0)
        return self._tcp

    def connect(self) -> None:
        super().connect()
        if isinstance(self.sock, DeadlineTLSSocket):  # a new object around the same descriptor
            self.sock.deadline, self.sock.read_limit = self._tcp.deadline, self._tcp.read_limit
            # A body of unknown length that ends without close_notify may have been truncated.
            self.sock.suppress_ragged_eofs = False


class _PinnedHTTPSConnection(_PinnedHTTPConnection, HTTPSConnection):
    pass


class PinnedAdapter(HTTPAdapter):
    """Sends one request over a connection that `connect(host, port)` opens."""

    def __init__(self, connect: Connect, tls: ssl.SSLContext) -> None:
        super().__init__()
        self._connect_to, self._tls = connect, tls
        self._pool: urllib3.HTTPConnectionPool | None = None

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *_: Any, **__: Any
    ) -> urllib3.HTTPConnectionPool:
        parts = parse_url(request.url or "")
        host, port = parts.host or "", parts.port or DEFAULT_PORTS[parts.scheme or "http"]
        pool: Any  # ConnectionCls is typed as a class, but only called
        if parts.scheme == "https":
            pool = urllib3.HTTPSConnectionPool(host, port, ssl_context=self._tls)
            pool.ConnectionCls = partial(_PinnedHTTPSConnection, self._connect_to)
        else:
            pool = urllib3.HTTPConnectionPool(host, port)
            pool.ConnectionCls = partial(_PinnedHTTPConnection, self._connect_to)
        self._pool = cast("urllib3.HTTPConnectionPool", pool)
        return self._pool

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the TLS context verifies. It reads the certificates once for all requests."""
