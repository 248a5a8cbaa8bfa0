"""The parts of a form with files: multipart/form-data (RFC 7578, RFC 2046 section 5.1).

Django's parser takes a part without a file name for text, and a form that is cut off for a whole
one. Clients that are generated from the API's description send files without names, and a form that
is cut off must not become a clip.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from django.utils.http import parse_header_parameters

from library.api.upload_errors import FormInvalid

CHUNK = 65_536
MOST_HEAD_BYTES = 8_192  # of one part
MOST_PARTS = 100
CUT_OFF = "It ends before its last boundary."
END_OF_HEAD = b"\r\n\r\n"
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
Take = Callable[[bytes], object]
Read = Callable[[int], bytes]


@dataclass(frozen=True)
class PartHead:
    """The header fields of a part."""

    name: str
    file_name: str = ""
    digest: str | None = None  # Content-Digest


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that a Content-Type names. Raises FormInvalid."""
    try:
        _, parameters = parse_header_parameters(content_type)
    except ValueError:
        raise FormInvalid("Its Content-Type is not valid.") from None
    boundary = parameters.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise FormInvalid("Its Content-Type names no valid boundary.")
    return boundary.encode()


class _Source:
    """Bytes that are read up to a mark, however the reads divide them."""

    def __init__(self, read: Read, begin: bytes) -> None:
        self._read, self._buffer = read, bytearray(begin)

    def _more(self) -> None:
        data = self._read(CHUNK)
        if not data:
            raise FormInvalid(CUT_OFF)
        self._buffer += data

    def take_until(self, mark: bytes, take: Take) -> None:
        """Pass on all bytes in front of a mark, and skip it."""
        while (end := self._buffer.find(mark)) < 0:
            settled = len(self._buffer) - len(mark) + 1
            if settled > 0:
                take(bytes(self._buffer[:settled]))
                del self._buffer[:settled]
            self._more()
        take(bytes(self._buffer[:end]))
        del self._buffer[: end + len(mark)]

    def head(self) -> bytes | None:
        """Return the rest of a boundary's line and the fields, or None behind the last boundary."""
        while len(self._buffer) < 2:
            self._more()
        if self._buffer.startswith(b"--"):
            return None
        while (end := self._buffer.find(END_OF_HEAD)) < 0 and len(self._buffer) <= MOST_HEAD_BYTES:
            self._more()
        if not 0 <= end <= MOST_HEAD_BYTES:
            raise FormInvalid(f"The head of a part has more than {MOST_HEAD_BYTES} bytes.")
        found = bytes(self._buffer[:end])
        del self._buffer[: end + len(END_OF_HEAD)]
        return found


def read_parts(read: Read, boundary: bytes, begin: Callable[[PartHead], Take]) -> None:
    """Read a form to its end. `begin` returns what takes the content of a part, piece by piece.

    `read(size)` returns the next bytes, none at the end. Raises FormInvalid, and what `begin`
    raises.
    """
    mark = b"\r\n--" + boundary
    source = _Source(read, b"\r\n")  # the first boundary begins a line, too
    take: Take = len  # which ignores what precedes the first part
    for _ in range(MOST_PARTS):
        source.take_until(mark, take)
        head = source.head()
        if head is None:
            break
        take = begin(_head(head))
    else:
        raise FormInvalid(f"It has more than {MOST_PARTS} parts.")
    while read(CHUNK):  # what follows the last boundary counts for the digest only
        pass


def _head(head: bytes) -> PartHead:
    """Return the fields of a part, whose first line is the rest of the boundary's."""
    padding, _, lines = head.decode("utf-8", "replace").partition("\r\n")
    if padding.strip(" \t"):
        raise FormInvalid("A boundary has other text behind it.")
    fields = {}
    for line in lines.split("\r\n"):
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    if fields.get("content-transfer-encoding", "").lower() not in ("", "7bit", "8bit", "binary"):
        raise FormInvalid("Send its parts without Content-Transfer-Encoding.")
    try:
        kind, named = parse_header_parameters(fields.get("content-disposition", ""))
    except ValueError:
        kind, named = "", {}
    if kind.lower() != "form-data" or "name" not in named:
        raise FormInvalid("A part has no Content-Disposition with form-data and a name.")
    return PartHead(named["name"], named.get("filename", ""), fields.get("content-digest"))
