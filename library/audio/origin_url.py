"""The parts of an origin's URL that go over the network, and the URL that a redirect leads to.

The signature of a signed URL covers each byte, so every printable ASCII character is sent as it is
given, escapes included. Other characters are percent-encoded, and dot segments are removed, as
browsers do (WHATWG URL).
"""

import re
from urllib.parse import quote

from library.audio.origin_policy import RefusedURLError

LONGEST_LOCATION = 8000  # characters, the length that RFC 9110 (4.1) recommends to support

PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# RFC 3986, appendix B. The query includes its question mark, and the fragment is left out.
PARTS = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(\?[^#]*)?", re.DOTALL)


def request_target(url: str) -> str:
    """Return the path and query of an absolute URL as a request line contains them."""
    _, _, path, query = _parts(url)
    return quote(_without_dot_segments(path) + (query or ""), safe=PRINTABLE)


def redirected(url: str, location: str) -> str:
    """Return the URL to which a Location header field leads from `url` (RFC 3986, 5.2).

    `location` has one character for each byte, as `http.client` returns header fields. Bytes that
    aren't ASCII are percent-encoded one by one; in a host they are UTF-8. Raises RefusedURLError if
    the value is malformed. The caller still has to check the URL.
    """
    location = location.strip(" \t")
    if not location or len(location) > LONGEST_LOCATION or CONTROL.search(location):
        raise RefusedURLError("The Location is empty, too long or has control characters.")
    base_scheme, base_authority, base_path, base_query = _parts(url)
    scheme, authority, path, query = _parts(location)
    path = quote(path.encode("latin-1"), safe=PRINTABLE)
    if query is not None:
        query = quote(query.encode("latin-1"), safe=PRINTABLE)
    if authority is not None:
        try:
            authority = authority.encode("latin-1").decode()
        except UnicodeDecodeError:
            raise RefusedURLError("The host of the Location is not UTF-8.") from None
    elif scheme is not None:
        raise RefusedURLError("The Location has a scheme, but no host.")
    else:
        authority = base_authority
        if not path:
            path = base_path
            query = base_query if query is None else query
        elif not path.startswith("/"):
            path = base_path.rpartition("/")[0] + "/" + path
    return f"{scheme or base_scheme}://{authority}{_without_dot_segments(path)}{query or ''}"


def _parts(url: str) -> tuple[str | None, str | None, str, str | None]:
    """Return the scheme, authority, path and query. Those without delimiters are None."""
    scheme, authority, path, query = next(PARTS.finditer(url)).groups()
    return scheme, authority, path, query


def _without_dot_segments(path: str) -> str:
    """Return an absolute or empty path without `.` and `..`, which may be percent-encoded."""
    kept: list[str] = []
    dots = ""
    for segment in path.split("/")[1:] or [""]:
        dots = segment.lower().replace("%2e", ".")
        if dots == "..":
            del kept[-1:]
        elif dots != ".":
            kept.append(segment)
    if dots in (".", ".."):
        kept.append("")  # such a path ends in a slash
    return "/" + "/".join(kept)
