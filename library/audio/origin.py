"""The HTTP client for origins, which are untrusted servers.

The client connects only to addresses that it has checked, checks every redirect, and limits the
time and bytes of the whole exchange. It uses the adapter of requests without a session: a session
reads the bodies of redirects to the end, and uses proxies, netrc and cookies.
"""

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
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
    """Limits in seconds, and of the size of the audio."""

    connect: float = 3.0
    read: float = 10.0  # until the next bytes
    total: float = 60.0  # for the whole exchange
    max_bytes: int = 20_000_000


class OriginResponse:
    """An origin's response: 200 with a body, or 304 without."""

    def __init__(self, response: requests.Response, url: str, max_bytes: int) -> None:
        self.url = url  # after all redirects
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.length = _content_length(response.headers)
        self._body: urllib3.HTTPResponse = response.raw
        self._max_bytes = max_bytes
        coding = response.headers.get("Content-Encoding", "").strip().lower()
        if coding not in ("", "identity"):
            raise AudioUnavailableError("origin_content_coding")
        if self.length is not None and self.length > max_bytes:
            raise AudioUnavailableError("origin_too_large")

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as its bytes arrive, in chunks of at most CHUNK_BYTES.

        Raises AudioUnavailableError if the body is too large, too slow or ends too early.
        """
        received = 0
        with _translated_errors("origin_truncated", tls="origin_truncated"):
            while chunk := self._body.read1(CHUNK_BYTES):
                received += len(chunk)
                if received > self._max_bytes:
                    raise AudioUnavailableError("origin_too_large")
                yield chunk
        if self.length is not None and received != self.length:
            raise AudioUnavailableError("origin_truncated")


class OriginClient:
    """Fetches audio from origins under a policy and limits. Threads can share an instance."""

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
        """`via` identifies this service in the Via header of its requests (RFC 9110, 7.6.3)."""
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
        # One context for all requests: reading the certificates takes longer than many fetches.
        self._tls = create_urllib3_context()
        self._tls.load_verify_locations(ca_bundle or certifi.where())
        self._tls.sslsocket_class = DeadlineTLSSocket
        # By default, Python with OpenSSL 3 treats a truncated body as complete.
        self._tls.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)

    @contextmanager
    def get(
        self, url: str, validators: Mapping[str, str] | None = None
    ) -> Iterator[OriginResponse]:
        """Request a URL. `validators` are headers such as If-None-Match, for revalidation.

        The time limit for the whole exchange, including redirects and body, starts now.
        Raises AudioUnavailableError. Iterating over the response's `chunks` can also raise it.
        """
        deadline = time.monotonic() + self.limits.total
        with trace_context.span("GET", {"http.request.method": "GET"}, outgoing=True) as span:
            headers = self._headers | trace_context.headers() | dict(validators or {})
            final_url, response = self._follow_redirects(url, headers, deadline, span)
            status = response.status_code
            span.set_attribute("http.response.status_code", status)
            try:
                if status != 200 and not (validators and status == 304):
                    raise AudioUnavailableError("origin_http_error", origin_status=status)
                yield OriginResponse(response, final_url, self.limits.max_bytes)
            finally:
                _close(response)

    def _follow_redirects(
        self, url: str, headers: dict[str, str], deadline: float, span: trace_context.Span
    ) -> tuple[str, requests.Response]:
        refusal = "origin_url_invalid"
        for _ in range(MAX_REDIRECTS + 1):
            try:
                parts = self._policy.check_url(url)
            except RefusedAddressError:
                raise AudioUnavailableError("origin_address_refused") from None
            except RefusedURLError:
                raise AudioUnavailableError(refusal) from None
            span.set_attribute("server.address", parts.host or "")
            response = self._send(url, headers, deadline)
            location = response.headers.get("Location")
            if response.status_code not in REDIRECTS or not location:
                return url, response
            _close(response)  # without reading the body, which may be endless
            url = urljoin(url, location)
            if parts.scheme == "https" and not url.lower().startswith("https:"):
                raise AudioUnavailableError("origin_redirect_refused")
            refusal = "origin_redirect_refused"
        raise AudioUnavailableError("origin_redirect_loop")

    def _send(self, url: str, headers: dict[str, str], deadline: float) -> requests.Response:
        adapter = PinnedAdapter(partial(self._connect, deadline), self._tls)
        with _translated_errors("origin_protocol_error"):
            request = requests.Request("GET", url, headers=headers).prepare()
            return adapter.send(request, stream=True, timeout=self.limits.read)

    def _connect(self, deadline: float, host: str, port: int) -> DeadlineSocket:
        """Check all addresses of the host and connect to one of them."""
        remaining = deadline - time.monotonic()
        try:
            self._policy.check_port(host, port)
            addresses = self._resolver(host, port, min(self.limits.connect, remaining))
            for address in addresses:
                self._policy.check_address(host, port, address)
        except RefusedAddressError:
            raise AudioUnavailableError("origin_address_refused") from None
        code = "origin_unreachable"
        for address in addresses[:MAX_ADDRESSES_TRIED]:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            connection = DeadlineSocket(family, socket.SOCK_STREAM)
            connection.deadline, connection.read_limit = deadline, self.limits.read
            connection.settimeout(max(0.001, min(self.limits.connect, connection.remaining())))
            try:
                connection.connect((address, port))
            except OSError as error:
                connection.close()
                code = "origin_timeout" if isinstance(error, TimeoutError) else code
            else:
                return connection
        raise AudioUnavailableError(code)


def _close(response: requests.Response) -> None:
    response.close()
    response.connection.close()  # otherwise its pool keeps the socket


@contextmanager
def _translated_errors(code: str, tls: str = "origin_tls_failed") -> Iterator[None]:
    """Raise network errors as AudioUnavailableError: time-outs, `tls`, or `code` for the rest."""
    try:
        yield
    except FAILURES as error:
        raise AudioUnavailableError(_specific_code(error, tls) or code) from error


def _specific_code(error: BaseException | None, tls: str) -> str | None:
    """Return the code of a time-out or TLS error in the chain of causes, or None."""
    timeouts = (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)
    while error is not None:
        if isinstance(error, timeouts):
            return "origin_timeout"
        if isinstance(error, ssl.SSLError):
            return tls
        error = error.__cause__ or error.__context__
    return None


def _content_length(headers: Mapping[str, str]) -> int | None:
    length = headers.get("Content-Length", "").strip()
    if "Transfer-Encoding" in headers or not (length.isascii() and length.isdigit()):
        return None
    return int(length) if len(length) < 16 else 10**16
