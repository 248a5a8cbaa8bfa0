"""Connections to an address that was judged, with a deadline on every receive.

The layer below requests: an adapter whose connections get their socket from a function of ours,
so that what was judged is what is connected to, and TLS still checks the name.
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
    """A socket whose every receive is bounded by the read limit and the exchange's deadline.

    A timeout alone begins anew with every byte of an origin that drips.
    """

    deadline: float
    read_limit: float

    def left(self) -> float:
        """Seconds until the deadline; negative after it."""
        return self.deadline - time.monotonic()

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Receive, unless the exchange's time is over."""
        left = self.left()
        if left <= 0:
            raise TimeoutError("the exchange took longer than its limit")
        self.settimeout(min(left, self.read_limit))
        return super().recv_into(*args, **kwargs)


class DeadlineTLSSocket(DeadlineSocket, ssl.SSLSocket):
    """The same with TLS, where the handshake and each record count as one receive."""

    suppress_ragged_eofs: bool  # of ssl.SSLSocket, where the types lack it


Connect = Callable[[str, int], DeadlineSocket]


class _Pinned(HTTPConnection):
    """A connection whose socket a function of ours opens; with TLS, urllib3 does the rest."""

    def __init__(self, connect: Connect, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connect_to = connect

    def _new_conn(self) -> socket.socket:
        self._tcp = self._connect_to(self._dns_host, self.port or 0)
        return self._tcp

    def connect(self) -> None:
        super().connect()
        if isinstance(self.sock, DeadlineTLSSocket):  # made anew around the file descriptor
            self.sock.deadline, self.sock.read_limit = self._tcp.deadline, self._tcp.read_limit
            # A body of untold length that ends without TLS's farewell may have been cut.
            self.sock.suppress_ragged_eofs = False


class _PinnedTLS(_Pinned, HTTPSConnection):
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
        """A pool of one connection of ours."""
        parts = parse_url(request.url or "")
        host, port = parts.host or "", parts.port or DEFAULT_PORTS[parts.scheme or "http"]
        pool: Any  # its ConnectionCls is typed as a class, and called
        if parts.scheme == "https":
            pool = urllib3.HTTPSConnectionPool(host, port, ssl_context=self._tls)
            pool.ConnectionCls = partial(_PinnedTLS, self._connect_to)
        else:
            pool = urllib3.HTTPConnectionPool(host, port)
            pool.ConnectionCls = partial(_Pinned, self._connect_to)
        self._pool = cast("urllib3.HTTPConnectionPool", pool)
        return self._pool

    def close(self) -> None:
        """Close the connection."""
        if self._pool is not None:
            self._pool.close()

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: the context verifies, and reads the certificates once, not at each request."""
