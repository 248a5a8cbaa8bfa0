"""Who sent a request, where trusted proxies stand in front."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def client_address(request: HttpRequest) -> Address | None:
    """The client's address; None where none is known, as behind a Unix socket.

    Each proxy appends the address that it was asked from to X-Forwarded-For. Of that list the last
    `CLIPS_TRUSTED_PROXIES` entries are the word of proxies we trust; what stands before them is
    the client's own word and never read. A request with fewer entries did not pass them all: then
    the connection's own address counts.
    """
    hops = settings.CLIPS_TRUSTED_PROXIES
    forwarded = request.headers.get("X-Forwarded-For", "").split(",") if hops else []
    if len(forwarded) >= hops > 0:
        address = _parse(forwarded[-hops])
        if address is not None:
            return address
    return _parse(request.META.get("REMOTE_ADDR", ""))


def client_network(request: HttpRequest) -> Network | None:
    """Whose the address is: itself, and of IPv6 the /64.

    That is one household or host, which may take any address in it.
    """
    address = client_address(request)
    if address is None:
        return None
    return ip_network((address, 64 if isinstance(address, IPv6Address) else 32), strict=False)


def _parse(text: str) -> Address | None:
    """An address, with or without brackets, port and zone; v4-mapped IPv6 as IPv4."""
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
