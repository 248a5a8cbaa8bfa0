"""The URLs and network addresses that an origin may have (protection against SSRF).

Anyone may submit a clip's URL. `OriginPolicy.check_url` validates its form when the clip is saved,
without network traffic. `origin.py` checks the addresses that its host resolves to at every
connection. The refused networks follow the IANA special-purpose address registries (RFC 6890).
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from contextlib import suppress

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

DEFAULT_PORTS = {"http": 80, "https": 443}

_REFUSED_V4 = [
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's platform services, on an address that looks public
        "169.254.0.0/16",  # link-local, cloud metadata services
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
]
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")  # the block assigned for global unicast
_REFUSED_V6 = [
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
]


class RefusedURLError(ValueError):
    """The policy refuses the URL. The message is a sentence for the person who entered it."""


class RefusedAddressError(RefusedURLError):
    """The policy refuses the URL's address or port."""


def is_public(address: str) -> bool:
    """Return whether a numeric address is public. IPv4-mapped IPv6 counts as its IPv4 address."""
    if "%" in address:  # only link-local addresses have a zone id
        return False
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return ip in _GLOBAL_V6 and not any(ip in network for network in _REFUSED_V6)
        ip = ip.ipv4_mapped
    return not any(ip in network for network in _REFUSED_V4)


def literal_address(host: str) -> str | None:
    """Return the IP address that the host spells out, or None if it is a name.

    Accepts every spelling that connect(2) would through inet_aton(3): decimal, octal, hexadecimal
    and short forms.
    """
    with suppress(ValueError):
        return str(ipaddress.ip_address(host.strip("[]")))
    with suppress(OSError, UnicodeEncodeError):
        return socket.inet_ntoa(socket.inet_aton(host))
    return None


class OriginPolicy:
    """The rules for origins, with exceptions for hosts that the operator allows."""

    def __init__(self, allow: Iterable[str] = ()) -> None:
        """`allow` holds `host` (any port) or `host:port`, with IPv6 addresses in brackets."""
        self._allow = {entry.strip().lower() for entry in allow if entry.strip()}

    def allows(self, host: str, port: int) -> bool:
        """Return whether the operator allows this host, or this host and port."""
        host = host.lower().rstrip(".")
        if ":" in host and not host.startswith("["):
            host = f"[{host}]"
        return host in self._allow or f"{host}:{port}" in self._allow

    def check_port(self, host: str, port: int) -> None:
        """Raise RefusedAddressError unless the port is 80 or 443 or the operator allows it."""
        if port not in DEFAULT_PORTS.values() and not self.allows(host, port):
            raise RefusedAddressError("The URL must use port 80 or 443.")

    def check_address(self, host: str, port: int, address: str) -> None:
        """Raise RefusedAddressError unless the address is public or the operator allows it."""
        if not is_public(address) and not self.allows(host, port):
            raise RefusedAddressError("The URL must have a public address.")

    def check_url(self, url: str) -> Url:
        """Validate a URL, without resolving its host. Return its parts or raise RefusedURLError."""
        if re.search(r"[\x00-\x20\x7f\\]", url):
            raise RefusedURLError("A URL cannot contain spaces, backslashes or control characters.")
        try:
            parts = parse_url(url)
        except LocationParseError:
            raise RefusedURLError("This is not a valid URL.") from None
        if parts.scheme is None and parts.host:
            raise RefusedURLError("Put https:// in front of the URL.")
        if parts.scheme not in DEFAULT_PORTS:
            raise RefusedURLError("The URL must begin with http:// or https://.")
        host = parts.host
        if not host:
            raise RefusedURLError("The URL has no host name.")
        authority = re.split(r"[/?#]", url.split("//", 1)[-1], maxsplit=1)[0]
        if "@" in authority:  # also refuses an empty user name
            raise RefusedURLError("The URL cannot contain a user name or password.")
        if "%" in host:
            raise RefusedURLError("The URL cannot contain an IPv6 zone.")
        port = parts.port if parts.port is not None else DEFAULT_PORTS[parts.scheme]
        self.check_port(host, port)
        address = literal_address(host)
        if address is not None:
            self.check_address(host, port, address)
        return parts
