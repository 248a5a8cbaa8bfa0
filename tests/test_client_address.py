"""The client's address behind trusted proxies."""

import pytest
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from library.client_address import client_address


def address(settings: Settings, hops: int, forwarded: str | None, remote: str = "10.0.0.1") -> str:
    settings.CLIPS_TRUSTED_PROXIES = hops
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return str(client_address(RequestFactory().get("/", REMOTE_ADDR=remote, headers=headers)))


@pytest.mark.parametrize(
    ("hops", "forwarded", "expected"),
    [
        (0, None, "10.0.0.1"),
        (0, "203.0.113.9", "10.0.0.1"),  # no trusted proxies: anyone may have sent the header
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),  # a forged entry is further left
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),  # bypassed a proxy
        (1, None, "10.0.0.1"),
        (1, "unknown", "10.0.0.1"),
        (1, "203.0.113.9:4711", "203.0.113.9"),
        (1, "[2001:db8::1]:4711", "2001:db8::1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "fe80::1%eth0", "fe80::1"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_only_entries_of_trusted_proxies_count(
    settings: Settings, hops: int, forwarded: str | None, expected: str
) -> None:
    assert address(settings, hops, forwarded) == expected


def test_unix_socket_has_no_address(settings: Settings) -> None:
    assert address(settings, 0, None, remote="") == "None"
