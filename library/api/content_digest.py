"""Content-Digest: the digest of a body that its client has computed (RFC 9530)."""

import re
from base64 import b64decode
from binascii import Error
from hashlib import sha256, sha512

from library.api.upload_errors import DigestInvalid, DigestMismatch

ALGORITHMS = {"sha-256": sha256, "sha-512": sha512}
# A member of a dictionary whose value is a byte sequence (RFC 9651, section 3), with parameters.
_KEY = r"[a-z*][a-z0-9_.*-]*"
_ITEM = (
    r'(?:"(?:[ !#-\[\]-~]|\\["\\])*"|:[A-Za-z0-9+/]*={0,2}:|\?[01]|@?-?[0-9]{1,15}(?:\.[0-9]{1,3})?'
    r"|[A-Za-z*][!#$%&'*+.^_`|~:/0-9A-Za-z-]*)"
)
_MEMBER = re.compile(rf"({_KEY})=:([A-Za-z0-9+/]*={{0,2}}):(?:;[ ]*{_KEY}(?:={_ITEM})?)*")
_COMMA = re.compile(r"[ \t]*,[ \t]*")


class ContentDigest:
    """The digests that a field names, and those of the bytes that have arrived."""

    def __init__(self, field: str | None) -> None:
        """Raise DigestInvalid if the field is malformed. Unknown algorithms are ignored."""
        self._expected = _expected(field or "")
        self._found = {name: ALGORITHMS[name]() for name in self._expected}

    def add(self, data: bytes) -> None:
        for digest in self._found.values():
            digest.update(data)

    def check(self) -> None:
        """Raise DigestMismatch unless all digests are those of the bytes."""
        for name, expected in self._expected.items():
            if self._found[name].digest() != expected:
                raise DigestMismatch


def _expected(field: str) -> dict[str, bytes]:
    expected: dict[str, bytes] = {}
    position, field = 0, field.strip(" ")
    while position < len(field):
        member = _MEMBER.match(field, position)
        if member is None:
            raise DigestInvalid
        name, text = member[1], member[2].rstrip("=")
        expected.pop(name, None)
        if name in ALGORITHMS:
            expected[name] = _decoded(text, ALGORITHMS[name]().digest_size)
        position = member.end()
        if position < len(field):
            comma = _COMMA.match(field, position)
            if comma is None or comma.end() == len(field):
                raise DigestInvalid
            position = comma.end()
    return expected


def _decoded(text: str, size: int) -> bytes:
    """Return the bytes of a digest. Its padding may be missing."""
    try:
        found = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except Error:
        raise DigestInvalid from None
    if len(found) != size:
        raise DigestInvalid
    return found
