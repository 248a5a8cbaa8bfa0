"""Fetching from origins with an origin client of short time limits."""

from collections.abc import Callable
from functools import cache

import pytest

from harness.origin import Handler, answer
from library.audio.errors import AudioUnavailableError
from library.audio.origin import OriginClient, OriginLimits
from library.audio.origin_policy import OriginPolicy

LIMITS = OriginLimits(connect=0.5, read=0.5, total=1.0, max_bytes=100_000)


def client(
    allow: str = "127.0.0.1", limits: OriginLimits = LIMITS, **options: object
) -> OriginClient:
    return OriginClient(OriginPolicy([allow]), limits, via="test", **options)  # type: ignore[arg-type]


@cache
def shared_client() -> OriginClient:
    """Return a client for many tests, because reading the certificates takes long."""
    return client()


def fetch(url: str, fetcher: OriginClient | None = None) -> bytes:
    with (fetcher or shared_client()).get(url) as response:
        return b"".join(response.chunks())


def failure(url: str, fetcher: OriginClient | None = None) -> str:
    with pytest.raises(AudioUnavailableError) as raised:
        fetch(url, fetcher)
    return raised.value.code


def stub(*addresses: str) -> Callable[[str, int, float], list[str]]:
    """Return a resolver that resolves every name to these addresses."""
    return lambda host, port, timeout: list(addresses)


def sending(raw: bytes) -> Handler:
    return lambda connection, _: connection.sendall(raw)


def redirect(location: str) -> Handler:
    return answer(b"", "302 Found", {"Location": location})
