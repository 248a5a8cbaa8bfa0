"""The HTTP client for untrusted servers: the origins of audio, and the receivers of webhooks.

The client connects only to addresses that it has checked, checks every redirect, and limits the
time and bytes of the whole exchange. It uses `http.client` and no library above it: those rewrite
URLs, read the bodies of redirects to the end, and use proxies, netrc and cookies.
"""

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPResponse

import certifi
from urllib3.util import Url

from library.audio.errors import AudioUnavailableError
from library.audio.origin_policy import OriginPolicy, RefusedAddressError, RefusedURLError
from library.audio.origin_response import Answer, OriginResponse, read_answer, translated_errors
from library.audio.origin_url import redirected, request_target
from library.audio.pinned_connection import (
    Exchange,
    LimitedSocket,
    LimitedTLSSocket,
    PinnedConnection,
)
from library.audio.resolver import Resolver, resolve
from library.telemetry import trace_context

MAX_REDIRECTS = 5
MAX_ADDRESSES_TRIED = 4
COMPLETE = (200, 203, 206)  # 203: a proxy has changed something (RFC 9110, 15.3.4)
REDIRECTS = (301, 302, 303, 307, 308)
HEAD_BYTES = 262_144  # of all heads of an exchange together
FRAMING_SHARE = 8  # chunk sizes and trailers may take an eighth of the largest audio


@dataclass(frozen=True)
class OriginLimits:
    """Limits in seconds, and of the size of the audio."""

    connect: float = 3.0
    read: float = 10.0  # until the next bytes
    total: float = 60.0  # for the whole exchange
    max_bytes: int = 20_000_000


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
        self._tls = ssl.create_default_context(cafile=ca_bundle or certifi.where())
        self._tls.sslsocket_class = LimitedTLSSocket
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
        limits = self.limits
        exchange = Exchange(time.monotonic() + limits.total, limits.read, HEAD_BYTES)
        accepted = (*COMPLETE, 304) if validators else COMPLETE
        with trace_context.span("GET", {"http.request.method": "GET"}, outgoing=True) as span:
            headers = self._headers | trace_context.headers() | dict(validators or {})
            parts = self._checked(url, "origin_url_invalid")
            for _ in range(MAX_REDIRECTS + 1):
                span.set_attribute("server.address", parts.host or "")
                with self._request(url, parts, headers, exchange) as response:
                    location = response.headers.get_all("Location")
                    if response.status not in REDIRECTS or not location:
                        span.set_attribute("http.response.status_code", response.status)
                        if response.status not in accepted:
                            raise AudioUnavailableError(
                                "origin_http_error", origin_status=response.status
                            )
                        exchange.bytes_left += limits.max_bytes + limits.max_bytes // FRAMING_SHARE
                        yield OriginResponse(response, url, limits.max_bytes)
                        return
                # The body of a redirect, which may be endless, is not read.
                url, parts = self._redirected(url, parts, location)
            raise AudioUnavailableError("origin_redirect_loop")

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a body to a URL. Return the answer, whatever its status; follow no redirect.

        The time limit for the whole exchange starts now. Raises AudioUnavailableError.
        """
        limits = self.limits
        exchange = Exchange(time.monotonic() + limits.total, limits.read, HEAD_BYTES)
        with trace_context.span("POST", {"http.request.method": "POST"}, outgoing=True) as span:
            parts = self._checked(url, "origin_url_invalid")
            span.set_attribute("server.address", parts.host or "")
            sent = self._headers | {"Accept": "*/*"} | trace_context.headers() | dict(headers)
            with self._request(url, parts, sent, exchange, body) as response:
                span.set_attribute("http.response.status_code", response.status)
                return read_answer(response, exchange)

    def _checked(self, url: str, refusal: str) -> Url:
        """Return the parts of a URL that the policy allows. Otherwise raise `refusal`."""
        try:
            return self._policy.check_url(url)
        except RefusedAddressError:
            raise AudioUnavailableError("origin_address_refused") from None
        except RefusedURLError:
            raise AudioUnavailableError(refusal) from None

    def _redirected(self, url: str, parts: Url, location: list[str]) -> tuple[str, Url]:
        """Return the URL to which a redirect leads, and its parts."""
        refusal = "origin_redirect_refused"
        if len(set(location)) > 1:
            raise AudioUnavailableError(refusal)
        try:
            url = redirected(url, location[0])
        except RefusedURLError:
            raise AudioUnavailableError(refusal) from None
        if parts.scheme == "https" and not url.lower().startswith("https:"):
            raise AudioUnavailableError(refusal)
        return url, self._checked(url, refusal)

    @contextmanager
    def _request(
        self,
        url: str,
        parts: Url,
        headers: Mapping[str, str],
        exchange: Exchange,
        body: bytes | None = None,
    ) -> Iterator[HTTPResponse]:
        """Send a GET, or a POST with the body, and yield the response."""
        connection = PinnedConnection(parts, partial(self._connect, exchange), self._tls)
        with closing(connection):
            with translated_errors("origin_protocol_error"):
                method = "GET" if body is None else "POST"
                connection.request(method, request_target(url), body, headers)
                response = connection.getresponse()
            with response:
                yield response

    def _connect(self, exchange: Exchange, host: str, port: int) -> LimitedSocket:
        """Check all addresses of the host and connect to one of them."""
        try:
            self._policy.check_port(host, port)
            addresses = self._resolver(host, port, min(self.limits.connect, exchange.remaining()))
            for address in addresses:
                self._policy.check_address(host, port, address)
        except RefusedAddressError:
            raise AudioUnavailableError("origin_address_refused") from None
        code = "origin_unreachable"
        for address in addresses[:MAX_ADDRESSES_TRIED]:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            connection = LimitedSocket(family, socket.SOCK_STREAM)
            connection.exchange = exchange
            connection.settimeout(max(0.001, min(self.limits.connect, exchange.remaining())))
            try:
                connection.connect((address, port))
            except OSError as error:
                connection.close()
                code = "origin_timeout" if isinstance(error, TimeoutError) else code
            else:
                return connection
        raise AudioUnavailableError(code)
