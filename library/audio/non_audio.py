"""Why some bytes are not audio that is served, in a sentence that helps whoever sent them.

Only of bytes that `sniff` does not know: what they may be instead is told by their signature.
"""

import re

KNOWN = "mp3, ogg, m4a, wav, flac, aac or webm"

_ONLY_SOUND = "This file has video. Export its sound alone, for example as MP3 or M4A."
_CONVERT = f"Convert it to {KNOWN}."

# in this order: what the bytes begin with, and the sentence
_BEGINNINGS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), sentence)
    for pattern, sentence in (
        (rb"\x89PNG\r\n", "This is a PNG image, not audio."),
        (rb"\xff\xd8\xff", "This is a JPEG image, not audio."),
        (rb"GIF8[79]a", "This is a GIF image, not audio."),
        (rb"RIFF.{4}WEBP|.{4}ftyp(avif|hei[cx]|mif1)", "This is an image, not audio."),
        (rb"%PDF-", "This is a PDF document, not audio."),
        (rb"MThd", f"This is a MIDI file: notes, not sound. Render it as {KNOWN}."),
        (rb"FORM.{4}AIF[FC]", f"This is AIFF audio, which few browsers play. {_CONVERT}"),
        (rb"caff\0", f"This is Core Audio, which few browsers play. {_CONVERT}"),
        (rb"#!AMR", f"This is AMR audio, which browsers do not play. {_CONVERT}"),
        (
            rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
            f"This is Windows Media, which browsers do not play. {_CONVERT}",
        ),
        (rb"RIFF.{4}AVI |FLV\x01|.{4}ftypqt  ", _ONLY_SOUND),
        (
            rb".{4}ftyp.*hdlr.{8}vide|\x1a\x45\xdf\xa3.*\x86[\x81-\xff]V_|OggS.*\x80theora",
            _ONLY_SOUND,
        ),
        (rb"\x1a\x45\xdf\xa3", f"This is Matroska, of which browsers play only WebM. {_CONVERT}"),
        (rb"PK\x03\x04|\x1f\x8b|Rar!\x1a|7z\xbc\xaf", "This is an archive. Unpack it first."),
        (
            rb"\s*(#EXTM3U|\[playlist\])",
            "This is a playlist, not audio: the address of the audio stands in it.",
        ),
        (rb"\s*<(!doctype html|html|head|body)", "This is a web page, not audio."),
        (rb"\s*<(\?xml|rss|svg)|\s*[{\[]\s*[\"{\[]", "This is text, not audio."),
        (rb"MZ|\x7fELF", "This is a program, not audio."),
    )
)


def why_not_audio(head: bytes) -> str:
    """What these bytes are instead of audio that is served, and what to do about it."""
    if not head:
        return "This file is empty."
    for beginning, sentence in _BEGINNINGS:
        if beginning.match(head):
            return sentence
    return f"This file is not audio of a known type: {KNOWN}."
