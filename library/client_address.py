"""Find a client's IP address behind trusted proxies."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST = 100  # characters of an address with brackets, zone and port


def request_network(request: HttpRequest) -> Network | None:
    """Return the network of the client that sent a request."""
    return client_network(
        request.META.get("REMOTE_ADDR", ""),
        request.META.get("HTTP_X_FORWARDED_FOR", ""),
        settings.CLIPS_TRUSTED_PROXIES,
    )


def client_network(remote_addr: str, forwarded_for: str, hops: int) -> Network | None:
    """Return the client's network: its IPv4 address, or the /64 of its IPv6 address.

    A /64 belongs to one household or host, which can use any address in it.
    """
    address = client_address(remote_addr, forwarded_for, hops)
    return None if address is None else _network(address)


def client_address(remote_addr: str, forwarded_for: str, hops: int) -> Address | None:
    """Return the client's address, or None if it is unknown, as behind a Unix socket.

    `remote_addr` is the peer of the connection, `forwarded_for` the field X-Forwarded-For, to which
    each proxy appends the address of its own peer. The last `hops` entries come from trusted
    proxies. The entries before them can be forged by the client and are never used. A request with
    fewer entries has bypassed a proxy: then the address of the connection counts.
    """
    if hops:
        entries = forwarded_for.split(",")
        if len(entries) >= hops:
            address = _parse(entries[-hops].strip()[:LONGEST])
            if address is not None:
                return address
    return _parse(remote_addr)


@lru_cache(maxsize=4096)
def _network(address: Address) -> Network:
    return ip_network((address, 64 if isinstance(address, IPv6Address) else 32), strict=False)


@lru_cache(maxsize=4096)
def _parse(text: str) -> Address | None:
    """Parse an address with optional brackets, port and zone. Unmap IPv4-mapped IPv6."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
