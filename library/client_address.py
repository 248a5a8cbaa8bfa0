"""Find a client's IP address behind trusted proxies."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def client_address(request: HttpRequest) -> Address | None:
    """Return the client's address, or None if it is unknown, as behind a Unix socket.

    Each proxy appends the address of its peer to X-Forwarded-For. The last `CLIPS_TRUSTED_PROXIES`
    entries come from trusted proxies. The entries before them can be forged by the client and are
    never used. A request with fewer entries has bypassed a proxy: then the address of the
    connection counts.
    """
    hops = settings.CLIPS_TRUSTED_PROXIES
    forwarded = request.headers.get("X-Forwarded-For", "").split(",") if hops else []
    if len(forwarded) >= hops > 0:
        address = _parse(forwarded[-hops])
        if address is not None:
            return address
    return _parse(request.META.get("REMOTE_ADDR", ""))


def client_network(request: HttpRequest) -> Network | None:
    """Return the client's network: its IPv4 address, or the /64 of its IPv6 address.

    A /64 belongs to one household or host, which can use any address in it.
    """
    address = client_address(request)
    if address is None:
        return None
    return ip_network((address, 64 if isinstance(address, IPv6Address) else 32), strict=False)


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
