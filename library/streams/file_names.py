"""File names for downloads that every system can store and that do not mislead."""

import re
import unicodedata

LONGEST = 255  # bytes in UTF-8, the limit of most file systems
DEFAULT = "clip"

_SEPARATORS = re.compile(r'[\s\x00-\x1f\x7f-\x9f/\\:*?"<>|]+')  # and what Windows reserves
_DOTS = re.compile(r"\.{2,}")
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file, with any extension
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|\Z)", re.I)
_HIDDEN = ("Cf", "Cs")  # Unicode categories: format characters such as bidi controls, surrogates
# Emoji and scripts such as Persian need these two between characters, all of which are not ASCII.
_JOINERS = "\u200c\u200d"
_JOINED = rf"[^\x00-\xa0\s{_JOINERS}]"
_STRAY_JOINER = re.compile(rf"(?<!{_JOINED})[{_JOINERS}]|[{_JOINERS}](?!{_JOINED})")


def file_name(title: str, extension: str) -> str:
    """Return a file name made of a title, in NFC and at most LONGEST bytes long.

    It has no control, format or path characters except joiners, does not begin with a dot, does not
    repeat the extension, and is no name that Windows reserves.
    """
    visible = "".join(
        char for char in title if char in _JOINERS or unicodedata.category(char) not in _HIDDEN
    )
    visible = _STRAY_JOINER.sub("", visible)
    stem = _SEPARATORS.sub(" ", unicodedata.normalize("NFC", visible))
    stem = _DOTS.sub(".", stem).strip(" .")
    while stem.lower().endswith(f".{extension}"):
        stem = stem[: -len(f".{extension}")].rstrip(" .")
    stem = _cut(stem, LONGEST - len(f"_.{extension}"))
    if _RESERVED.match(stem):
        stem = f"_{stem}"
    return f"{stem or DEFAULT}.{extension}"


def ascii_file_name(title: str, extension: str) -> str:
    """Return a file name as `file_name` does, in ASCII and similar to the title."""
    decomposed = unicodedata.normalize("NFKD", title)
    base = "".join(char for char in decomposed if not unicodedata.combining(char))
    replaced = "".join(char if char.isascii() else "_" for char in base)
    return file_name(replaced if re.search("[A-Za-z0-9]", replaced) else "", extension)


def _cut(name: str, length: int) -> str:
    """Return at most `length` bytes of a name, cut before a character and its combining marks."""
    cut = name.encode()[:length].decode(errors="ignore")
    while len(cut) < len(name) and unicodedata.category(name[len(cut)]).startswith("M"):
        cut = cut[:-1]
    return cut.rstrip(f" .{_JOINERS}")
