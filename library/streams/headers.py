"""The values of header fields that a stream's response has."""

import re
from functools import lru_cache
from urllib.parse import quote

from library.audio.sniff import EXTENSIONS

_NOT_IN_FILE_NAMES = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')


@lru_cache(maxsize=4096)
def content_disposition(title: str, content_type: str, *, download: bool) -> str:
    """Return a Content-Disposition with a file name made of the title (RFC 6266, 8187)."""
    name = _NOT_IN_FILE_NAMES.sub(" ", title).strip() or "clip"
    filename = f"{name}.{EXTENSIONS[content_type]}"
    disposition = "attachment" if download else "inline"
    if filename.isascii():  # without a quote or a backslash
        return f'{disposition}; filename="{filename}"'
    return f"{disposition}; filename*=utf-8''{quote(filename)}"
