"""Detect the media type of audio from its first bytes.

Content-Type headers and file names are unreliable, and the type must agree with what a browser
that sniffs the content detects.

Sources: RFC 3533 (Ogg), RFC 9559 (Matroska/WebM), RFC 9639 (FLAC), ISO/IEC 14496-12 (MP4),
ISO/IEC 11172-3 and 13818-3 (MPEG audio), ISO/IEC 13818-7 (ADTS), the ID3v2.4 structure document.
"""

import enum
import re
from collections.abc import Iterator
from typing import Literal

from library.audio.errors import AudioUnavailableError

SNIFF_BYTES = 8192  # enough for every signature below, and for two frames of MPEG audio
SIGNATURE_BYTES = 12  # that tell the formats apart
LONGEST_FRAME = 3000  # bytes; no MPEG audio frame is longer
HEADER_BYTES = 7  # of a frame of ADTS, the longer one


class _Undecided(enum.Enum):
    UNDECIDED = enum.auto()


UNDECIDED: Literal[_Undecided.UNDECIDED] = _Undecided.UNDECIDED  # it depends on the next bytes
Answer = str | None | Literal[_Undecided.UNDECIDED]

EXTENSIONS = {
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/mp4": "m4a",
    "audio/wav": "wav",
    "audio/flac": "flac",
    "audio/aac": "aac",
    "audio/webm": "webm",
}

_OGG_AUDIO = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ")
_MP4_BRANDS = re.compile(rb"M4[AB] |mp4[12]|isom|iso[2-9]|dash")

# kbit/s by the bit rate index of an MPEG audio header; index 0 is 'free', 15 is forbidden
_RATES_V1 = {
    1: (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_RATES_V2 = {
    1: (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    3: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = (44100, 48000, 32000)  # MPEG 1; halved for MPEG 2, quartered for MPEG 2.5


def read_head(chunks: Iterator[bytes]) -> tuple[bytes, str]:
    """Return the first bytes and their media type, as soon as no further byte can change it.

    Raises AudioUnavailableError if there are none or they are not audio.
    """
    head = b""
    answer: Answer = UNDECIDED
    for chunk in chunks:
        head += chunk
        answer = early_audio_type(head)
        if answer is not UNDECIDED:
            break
    if not head:
        raise AudioUnavailableError("origin_empty")
    content_type = audio_type(head) if answer is UNDECIDED else answer
    if content_type is None:
        raise AudioUnavailableError("origin_not_audio")
    return head, content_type


def audio_type(head: bytes) -> str | None:
    """Return the media type of audio that begins with these bytes (SNIFF_BYTES of it, or all).

    Returns None for everything else, including video and unsupported audio.
    """
    answer = _detect(head, more=False)
    return None if answer is UNDECIDED else answer


def early_audio_type(head: bytes) -> Answer:
    """Return what `audio_type` will return when more bytes have arrived, or UNDECIDED.

    SNIFF_BYTES are always enough. MPEG audio needs two headers of frames, about 400 bytes apart.
    MP4 and WebM need all, because a video track may follow the audio track.
    """
    return _detect(head, more=len(head) < SNIFF_BYTES)


def _detect(head: bytes, *, more: bool) -> Answer:
    """Return the media type, None, or UNDECIDED if `more` bytes can follow and change it."""
    if more and len(head) < SIGNATURE_BYTES:
        return UNDECIDED
    if head[:4] == b"fLaC":
        return "audio/flac"
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[:4] == b"OggS":
        return _ogg(head, more=more)
    if head[4:8] == b"ftyp":
        return _mp4(head, more=more)
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return _webm(head, more=more)
    if head[:3] == b"ID3":
        return _after_id3(head, more=more)
    return _mpeg_or_adts(head, more=more)


def _ogg(head: bytes, *, more: bool) -> Answer:
    """Accept Ogg whose first page, which holds the first stream's header, has an audio codec."""
    start = 27 + head[26] if len(head) > 26 else len(head)
    if head[start:].startswith(_OGG_AUDIO):
        return "audio/ogg"
    return UNDECIDED if more and len(head) < start + 8 else None


def _mp4(head: bytes, *, more: bool) -> Answer:
    """Accept MP4 of a common brand, unless its index is at the front and has a video track."""
    if not _MP4_BRANDS.fullmatch(head[8:12]):
        return None
    if re.search(rb"hdlr.{8}vide", head, re.DOTALL):  # a track's handler type
        return None
    return UNDECIDED if more else "audio/mp4"


def _webm(head: bytes, *, more: bool) -> Answer:
    """Accept EBML of document type webm without a video codec at the front."""
    if re.search(rb"\x86[\x81-\xff]V_", head):  # a CodecID element and its value
        return None
    if more:
        return UNDECIDED
    return "audio/webm" if b"\x42\x82\x84webm" in head[:64] else None


def _after_id3(head: bytes, *, more: bool) -> Answer:
    """Detect the audio after an ID3v2 tag. Assume MP3 if the tag is longer than `head`."""
    if any(byte & 0x80 for byte in head[6:10]):
        return None
    if len(head) < 10:
        return UNDECIDED if more else None
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    footer = 10 if head[5] & 0x10 else 0
    rest = head[10 + size + footer :].lstrip(b"\0")
    if rest[:3] == b"ID3":
        return _after_id3(rest, more=more)
    if rest[:4] == b"fLaC":
        return "audio/flac"
    answer = _mpeg_or_adts(rest, more=more)
    if answer is None and len(rest) < LONGEST_FRAME:
        return UNDECIDED if more else "audio/mpeg"
    return answer


def _mpeg_or_adts(head: bytes, *, more: bool) -> Answer:
    """Accept a raw stream of frames that begins with two frame headers in a row."""
    for media_type, frame_length in (("audio/aac", adts_length), ("audio/mpeg", mpeg_length)):
        length = frame_length(head)
        if length and frame_length(head[length:]):
            return media_type
        if length and more and len(head) < length + HEADER_BYTES:
            return UNDECIDED
    return UNDECIDED if more and len(head) < HEADER_BYTES else None


def adts_length(head: bytes) -> int:
    """Return the length in bytes of the ADTS frame that begins here, or 0."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return 0
    if head[2] >> 2 & 0x0F > 12:  # sampling frequency index
        return 0
    length = (head[3] & 0x03) << 11 | head[4] << 3 | head[5] >> 5
    return length if length > 7 else 0


def mpeg_length(head: bytes) -> int:
    """Return the length in bytes of the MPEG audio frame that begins here, or 0."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version = head[1] >> 3 & 3  # 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
    layer = 4 - (head[1] >> 1 & 3)  # 4 is reserved
    rate_index, sample_index, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 4 or rate_index in (0, 15) or sample_index == 3:
        return 0
    rate = (_RATES_V1 if version == 3 else _RATES_V2)[layer][rate_index] * 1000
    sample_rate = _SAMPLE_RATES[sample_index] // {3: 1, 2: 2, 0: 4}[version]
    if layer == 1:
        return (12 * rate // sample_rate + padding) * 4
    samples = 72 if layer == 3 and version != 3 else 144
    return samples * rate // sample_rate + padding
