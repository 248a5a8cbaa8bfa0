"""The values of header fields that a stream's response has."""

import re
from functools import lru_cache
from urllib.parse import quote

from library.audio.sniff import EXTENSIONS
from library.streams.file_names import ascii_file_name, file_name

_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")  # some browsers decode it in `filename`


@lru_cache(maxsize=4096)
def content_disposition(title: str, content_type: str, *, download: bool) -> str:
    """Return a Content-Disposition with a file name made of the title (RFC 6266, 8187)."""
    disposition = "attachment" if download else "inline"
    extension = EXTENSIONS[content_type]
    name = file_name(title, extension)
    if name.isascii() and not _ESCAPE.search(name):
        return f'{disposition}; filename="{name}"'
    fallback = ascii_file_name(title, extension).replace("%", "_")
    return f"{disposition}; filename=\"{fallback}\"; filename*=utf-8''{quote(name)}"
