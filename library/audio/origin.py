"""The HTTP client for origins: a stranger's server, met with limits.

It connects to the very address it judged, judges every redirect again, and bounds the whole
exchange in time and bytes. Of requests it uses the adapter alone and no session: a session reads
redirects' bodies to the end, and takes proxies, netrc and cookies from outside.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import urljoin

import certifi
import requests
import urllib3
from urllib3.util.ssl_ import create_urllib3_context

from library.audio.errors import AudioUnavailableError
from library.audio.origin_policy import OriginPolicy, RefusedAddressError, RefusedURLError
from library.audio.pinned_connection import DeadlineSocket, DeadlineTLSSocket, PinnedAdapter
from library.audio.resolver import Resolver, resolve
from library.telemetry import trace_context

CHUNK_BYTES = 65536
MAX_REDIRECTS = 5
MAX_ADDRESSES_TRIED = 4
REDIRECTS = (301, 302, 303, 307, 308)
FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


@dataclass(frozen=True)
class OriginLimits:
    """Seconds to connect, to the next bytes and for the whole exchange; bytes of the audio."""

    connect: float = 3.0
    read: float = 10.0
    total: float = 60.0
    max_bytes: int = 20_000_000


class OriginAnswer:
    """What an origin answered: 200 with a body, or 304 with none."""

    def __init__(self, response: requests.Response, url: str, max_bytes: int) -> None:
        self.url = url  # behind all redirects
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.length = _told_length(response.headers)
        self._body: urllib3.HTTPResponse = response.raw
        self._max_bytes = max_bytes
        coding = response.headers.get("Content-Encoding", "").strip().lower()
        if coding not in ("", "identity"):
            raise AudioUnavailableError("origin_content_coding")
        if self.length is not None and self.length > max_bytes:
            raise AudioUnavailableError("origin_too_large")

    def chunks(self) -> Iterator[bytes]:
        """The body as its bytes arrive, in pieces of at most CHUNK_BYTES.

        Raises AudioUnavailableError if it is too large, too slow or ends too early.
        """
        received = 0
        with _failures_named("origin_truncated", tls="origin_truncated"):
            while chunk := self._body.read1(CHUNK_BYTES):
                received += len(chunk)
                if received > self._max_bytes:
                    raise AudioUnavailableError("origin_too_large")
                yield chunk
        if self.length is not None and received != self.length:
            raise AudioUnavailableError("origin_truncated")


class OriginClient:
    """Fetches from origins under a policy and limits. Safe to share between threads."""

    def __init__(
        self,
        policy: OriginPolicy,
        limits: OriginLimits,
        *,
        via: str,
        user_agent: str = "ClipsService/1.0",
        resolver: Resolver = resolve,
        ca_bundle: str | None = None,
    ) -> None:
        """`via` names this service in the Via header of its requests (RFC 9110, 7.6.3).

        `user_agent` tells the people of an origin who asks.
        """
        self._policy = policy
        self.limits = limits
        self._resolver = resolver
        self._headers = {
            "Accept": "audio/*, */*;q=0.1",
            "Accept-Encoding": "identity",
            "Connection": "close",
            "User-Agent": user_agent,
            "Via": f"1.1 {via}",
        }
        # One context for all: reading the certificates takes longer than many a fetch.
        self._tls = create_urllib3_context()
        self._tls.load_verify_locations(ca_bundle or certifi.where())
        self._tls.sslsocket_class = DeadlineTLSSocket
        # With OpenSSL 3, Python takes a body that was cut for one that has ended, unless told so.
        self._tls.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)

    @contextmanager
    def get(self, url: str, validators: Mapping[str, str] | None = None) -> Iterator[OriginAnswer]:
        """The origin's answer; `validators` are If-None-Match and the like of an earlier one.

        The deadline of the whole exchange, redirects and body included, begins now.
        Raises AudioUnavailableError, here or from the answer's `chunks`.
        """
        deadline = time.monotonic() + self.limits.total
        with trace_context.span("GET", {"http.request.method": "GET"}, outgoing=True) as span:
            headers = self._headers | trace_context.headers() | dict(validators or {})
            final_url, response = self._follow(url, headers, deadline, span)
            status = response.status_code
            span.set_attribute("http.response.status_code", status)
            try:
                if status != 200 and not (validators and status == 304):
                    raise AudioUnavailableError("origin_http_error", origin_status=status)
                yield OriginAnswer(response, final_url, self.limits.max_bytes)
            finally:
                _close(response)

    def _follow(
        self, url: str, headers: dict[str, str], deadline: float, span: trace_context.Span
    ) -> tuple[str, requests.Response]:
        refused = "origin_url_invalid"
        for _ in range(MAX_REDIRECTS + 1):
            try:
                parts = self._policy.check_url(url)
            except RefusedAddressError:
                raise AudioUnavailableError("origin_address_refused") from None
            except RefusedURLError:
                raise AudioUnavailableError(refused) from None
            span.set_attribute("server.address", parts.host or "")
            response = self._send(url, headers, deadline)
            location = response.headers.get("Location")
            if response.status_code not in REDIRECTS or not location:
                return url, response
            _close(response)  # unread: its body may have no end
            url = urljoin(url, location)
            if parts.scheme == "https" and not url.lower().startswith("https:"):
                raise AudioUnavailableError("origin_redirect_refused")
            refused = "origin_redirect_refused"
        raise AudioUnavailableError("origin_redirect_loop")

    def _send(self, url: str, headers: dict[str, str], deadline: float) -> requests.Response:
        adapter = PinnedAdapter(partial(self._connect, deadline), self._tls)
        with _failures_named("origin_protocol_error"):
            request = requests.Request("GET", url, headers=headers).prepare()
            return adapter.send(request, stream=True, timeout=self.limits.read)

    def _connect(self, deadline: float, host: str, port: int) -> DeadlineSocket:
        """A connection to an address of the host, all of which were judged."""
        self._judge(lambda: self._policy.check_port(host, port))
        left = deadline - time.monotonic()
        addresses = self._resolver(host, port, min(self.limits.connect, left))
        for address in addresses:
            self._judge(partial(self._policy.check_address, host, port, address))
        code = "origin_unreachable"
        for address in addresses[:MAX_ADDRESSES_TRIED]:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            connection = DeadlineSocket(family, socket.SOCK_STREAM)
            connection.deadline, connection.read_limit = deadline, self.limits.read
            connection.settimeout(max(0.001, min(self.limits.connect, connection.left())))
            try:
                connection.connect((address, port))
            except OSError as error:
                connection.close()
                code = "origin_timeout" if isinstance(error, TimeoutError) else code
            else:
                return connection
        raise AudioUnavailableError(code)

    @staticmethod
    def _judge(check: Callable[[], None]) -> None:
        try:
            check()
        except RefusedAddressError:
            raise AudioUnavailableError("origin_address_refused") from None


def _close(response: requests.Response) -> None:
    response.close()
    response.connection.close()  # else its pool keeps the socket


@contextmanager
def _failures_named(code: str, tls: str = "origin_tls_failed") -> Iterator[None]:
    """Turn the network's exceptions into ours: time-outs, `tls`, and `code` for the rest."""
    try:
        yield
    except FAILURES as error:
        raise AudioUnavailableError(_cause(error, tls) or code) from error


def _cause(error: BaseException | None, tls: str) -> str | None:
    """The code of a failure whose first cause may lie below several wrappings."""
    timeouts = (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)
    while error is not None:
        if isinstance(error, timeouts):
            return "origin_timeout"
        if isinstance(error, ssl.SSLError):
            return tls
        error = error.__cause__ or error.__context__
    return None


def _told_length(headers: Mapping[str, str]) -> int | None:
    """The body's length in bytes if the origin told one that can be believed."""
    told = headers.get("Content-Length", "").strip()
    if "Transfer-Encoding" in headers or not (told.isascii() and told.isdigit()):
        return None
    return int(told) if len(told) < 16 else 10**16
