"""RIFF WAVE, also with 64-bit sizes (RF64, BW64).

Sources: Multimedia Programming Interface and Data Specifications 1.0 (Microsoft, 1991), RFC 2361
(format tags), EBU Tech 3306 (RF64), ITU-R BS.2088 (BW64).
"""

from collections.abc import Iterator
from typing import NamedTuple

from library.audio.containers.frames import find_frames, measure_frames
from library.audio.containers.reader import Reader
from library.audio.containers.results import NO_AUDIO, Audio, Measurement, Refusal, unplayable

PCM, FLOAT, A_LAW, MU_LAW, MP3, EXTENSIBLE = 1, 3, 6, 7, 0x55, 0xFFFE
PLAYABLE_BITS = {PCM: (8, 16, 24, 32), FLOAT: (32,), A_LAW: (8,), MU_LAW: (8,)}
NAMES = {
    **dict.fromkeys((0x02, 0x11, 0x16, 0x20, 0x45, 0x64, 0x65, 0x69, 0x200), "ADPCM"),
    0x31: "GSM",
    0x50: "MP2 (MPEG layer II)",
    **dict.fromkeys((0xFF, 0x1600, 0x1602, 0x1610, 0xA106), "AAC in WAV"),
    **dict.fromkeys((0x160, 0x161, 0x162, 0x163), "WMA"),
    0x2000: "AC-3 (Dolby Digital)",
    0x2001: "DTS",
    0xF1AC: "FLAC in WAV",
    **dict.fromkeys((0x566F, 0x674F, 0x6750, 0x6751, 0x676F, 0x6770, 0x6771), "Vorbis in WAV"),
}
MOST_BYTES = 0x7FFF0000  # of data; live recorders write 0 or about the largest possible size
MOST_CHUNKS = 10_000


class Format(NamedTuple):
    """The `fmt ` chunk."""

    coding: int
    rate: int
    block: int  # bytes of a sample of all channels
    bits: int


def is_wave(head: bytes) -> bool:
    """Return whether a file with these first 12 bytes is a WAVE."""
    return head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE"


def recognize_wav(reader: Reader, start: int) -> Audio | Refusal:
    """Judge a file by its format chunk."""
    for kind, position, length in chunks(reader, start):
        if kind == b"fmt ":
            form = _format(reader, position, length)
            if form.coding == MP3 or form.bits in PLAYABLE_BITS.get(form.coding, ()):
                return Audio("audio/wav", start)
            if form.coding in PLAYABLE_BITS:
                return unplayable(f"{form.bits}-bit WAV")
            return unplayable(NAMES.get(form.coding, f"WAV with format {form.coding:#06x}"))
        if kind == b"data":
            break
    return NO_AUDIO


def chunks(reader: Reader, start: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the type, the start of the content and the length of each chunk."""
    position = start + 12
    for _ in range(MOST_CHUNKS):
        header = reader.at(position, 8)
        if len(header) < 8:
            return
        length = int.from_bytes(header[4:], "little")
        yield header[:4], position + 8, length
        position += 8 + length + length % 2


def _format(reader: Reader, position: int, length: int) -> Format:
    content = reader.at(position, min(length, 40)).ljust(40, b"\0")
    coding, bits = (int.from_bytes(content[n : n + 2], "little") for n in (0, 14))
    if coding == EXTENSIBLE:
        coding = int.from_bytes(content[24:26], "little")  # begins the GUID of the format
    block, channels = (int.from_bytes(content[n : n + 2], "little") for n in (12, 2))
    if coding in PLAYABLE_BITS:
        block = block or channels * bits // 8
    return Format(coding, int.from_bytes(content[4:8], "little"), block, bits)


def measure_wav(reader: Reader, start: int) -> Measurement:
    """Divide the size of the data that the file has. Raises LookupError without data."""
    form, long_size = None, 0
    for kind, position, length in chunks(reader, start):
        if kind == b"ds64":
            long_size = reader.number(position + 8, 8, "little")
        elif kind == b"fmt ":
            form = _format(reader, position, length)
        elif kind == b"data" and form is not None:
            declared = long_size if length == 0xFFFFFFFF and long_size else length
            if length == 0 and reader.at(position, 4) in (b"LIST", b"id3 ", b""):
                break
            known = 0 < declared < MOST_BYTES or bool(long_size)
            left = reader.size - position
            present = min(declared, left) if known else left
            if form.coding == MP3:
                return _mp3(reader, position, present)
            per_second = form.rate * form.block
            whole = declared / per_second if known else None
            return Measurement(present // form.block * form.block / per_second, whole)
    raise LookupError("no data")


def _mp3(reader: Reader, position: int, length: int) -> Measurement:
    found = find_frames(reader, position)
    if found is None:
        raise LookupError("no frames")
    return measure_frames(reader, found[0], position + length)
