"""The client's address behind trusted proxies."""

import pytest
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from library.client_address import client_address, client_network, request_network


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
    hops: int, forwarded: str | None, expected: str
) -> None:
    assert str(client_address("10.0.0.1", forwarded or "", hops)) == expected


def test_unix_socket_has_no_address() -> None:
    assert client_address("", "", 0) is None
    assert client_network("", "", 0) is None


@pytest.mark.parametrize(
    ("remote", "network"),
    [("203.0.113.9", "203.0.113.9/32"), ("2001:db8::1:2:3:4", "2001:db8::/64")],
)
def test_network_is_an_ipv4_address_or_a_64_of_ipv6(remote: str, network: str) -> None:
    assert str(client_network(remote, "", 0)) == network


def test_overlong_entry_is_no_address() -> None:
    assert str(client_address("10.0.0.1", f"203.0.113.9:{'0' * 8000}1%", 1)) == "203.0.113.9"
    assert str(client_address("10.0.0.1", f"{'0' * 8000}203.0.113.9", 1)) == "10.0.0.1"


def test_request_uses_the_number_of_trusted_proxies_in_the_settings(settings: Settings) -> None:
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "203.0.113.9"})
    networks = []
    for settings.CLIPS_TRUSTED_PROXIES in (0, 1):
        networks.append(str(request_network(request)))
    assert networks == ["127.0.0.1/32", "203.0.113.9/32"]
