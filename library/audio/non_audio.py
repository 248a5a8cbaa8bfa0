"""Explain why a file is not supported audio, by the signature of its real type."""

import re

from library.audio.sniff import EXTENSIONS

*_others, _last = EXTENSIONS.values()
SUPPORTED = f"{', '.join(_others)} or {_last}"

_VIDEO = "This file has video. Export its audio track, for example as MP3 or M4A."
_CONVERT = f"Convert it to {SUPPORTED}."

# (signature at the beginning of the file, explanation), tried in this order
_SIGNATURES: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), sentence)
    for pattern, sentence in (
        (rb"\x89PNG\r\n", "This is a PNG image, not audio."),
        (rb"\xff\xd8\xff", "This is a JPEG image, not audio."),
        (rb"GIF8[79]a", "This is a GIF image, not audio."),
        (rb"RIFF.{4}WEBP|.{4}ftyp(avif|hei[cx]|mif1)", "This is an image, not audio."),
        (rb"%PDF-", "This is a PDF document, not audio."),
        (rb"MThd", f"This is a MIDI file: notes, not sound. Render it as {SUPPORTED}."),
        (rb"FORM.{4}AIF[FC]", f"This is AIFF audio, which few browsers play. {_CONVERT}"),
        (rb"caff\0", f"This is Core Audio, which few browsers play. {_CONVERT}"),
        (rb"#!AMR", f"This is AMR audio, which browsers do not play. {_CONVERT}"),
        (
            rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
            f"This is Windows Media, which browsers do not play. {_CONVERT}",
        ),
        (rb"RIFF.{4}AVI |FLV\x01|.{4}ftypqt  ", _VIDEO),
        (rb".{4}ftyp.*hdlr.{8}vide|\x1a\x45\xdf\xa3.*\x86[\x81-\xff]V_|OggS.*\x80theora", _VIDEO),
        (rb"\x1a\x45\xdf\xa3", f"This is Matroska, which few browsers play. {_CONVERT}"),
        (rb"PK\x03\x04|\x1f\x8b|Rar!\x1a|7z\xbc\xaf", "This is an archive. Unpack it first."),
        (
            rb"\s*(#EXTM3U|\[playlist\])",
            "This is a playlist, not audio. It contains the address of the audio.",
        ),
        (rb"\s*<(!doctype html|html|head|body)", "This is a web page, not audio."),
        (rb"\s*<(\?xml|rss|svg)|\s*[{\[]\s*[\"{\[]", "This is text, not audio."),
        (rb"MZ|\x7fELF", "This is a program, not audio."),
    )
)


def explain_non_audio(head: bytes) -> str:
    """Return a sentence about a file that `sniff.audio_type` refuses: its type, and what to do."""
    if not head:
        return "This file is empty."
    for signature, sentence in _SIGNATURES:
        if signature.match(head):
            return sentence
    return f"This file is not supported audio. Use {SUPPORTED}."
