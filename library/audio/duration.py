"""Measure the duration of audio with mutagen.

The files are untrusted. Tags are never read: a tag of a few kilobytes can unpack to gigabytes.
This module calls mutagen's stream parsers directly and limits their reads.
"""

import math
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from mutagen.flac import StreamInfo
from mutagen.mp3 import BitrateMode, MPEGInfo, skip_id3
from mutagen.mp4 import Atoms, MP4Info  # type: ignore[attr-defined]
from mutagen.ogg import OggPage

from library.audio.sniff import SNIFF_BYTES, adts_length, audio_type, mpeg_length

LONGEST = 7 * 86_400  # seconds; a longer duration comes from a false header
MOST_STEPS = 500_000  # reads and seeks; an hour of the shortest frames takes half of them
MIN_FRAMES_SHARE = 0.9  # of the bytes; with fewer, the number of frames gives no duration
HEADER_BYTES = 7  # of a frame of MPEG audio or ADTS
# samples per second by the sampling frequency index of ADTS
ADTS_RATES = (
    *(96000, 88200, 64000, 48000, 44100, 32000, 24000),
    *(22050, 16000, 12000, 11025, 8000, 7350),
)
WAV_CODINGS = (1, 3, 6, 7, 0xFFFE)  # one sample a block: PCM, float, A-law, mu-law, extensible
# identifiers of EBML elements (RFC 8794, RFC 9559)
SEGMENT, INFO, TIMESTAMP_SCALE, DURATION = 0x18538067, 0x1549A966, 0x2AD7B1, 0x4489


class _LimitedFile:
    """A file for mutagen with a limit on the number of reads and seeks and the size of a read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._steps = 0
        self.size = file.seek(0, os.SEEK_END)
        file.seek(0)

    def read(self, size: int = -1) -> bytes:
        self._step()
        left = max(0, self.size - self._file.tell())
        return self._file.read(left if size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = 0) -> int:
        self._step()
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise ValueError("more reads and seeks than any valid file takes")


def duration_of(audio: str | Path | BinaryIO) -> float | None:
    """Return the duration in seconds, to the millisecond, or None if it is unknown.

    An open file is read from its beginning and rewound afterwards.
    """
    if isinstance(audio, str | Path):
        with Path(audio).open("rb") as file:
            return duration_of(file)
    try:
        limited = _LimitedFile(audio)
        measure = _MEASURES.get(audio_type(limited.read(SNIFF_BYTES)) or "")
        limited.seek(0)
        seconds = measure(limited) if measure else 0.0
    except Exception:  # mutagen raises many types of exception for damaged files
        return None
    finally:
        audio.seek(0)
    return round(seconds, 3) if math.isfinite(seconds) and 0.0005 < seconds < LONGEST else None


def _mpeg(file: _LimitedFile) -> float:
    """Use the encoder's frame count if there is one. Otherwise count the frames."""
    info = MPEGInfo(file)
    if info.bitrate_mode is not BitrateMode.UNKNOWN:
        return float(info.length)
    samples = {1: 384, 2: 1152}.get(info.layer, 1152 if info.version == 1 else 576)
    headers = _frames(file, info.frame_offset, mpeg_length)
    return float(len(headers) * samples / info.sample_rate)


def _adts(file: _LimitedFile) -> float:
    skip_id3(file)
    headers = _frames(file, file.tell(), adts_length)
    blocks = sum((header[6] & 3) + 1 for header in headers)
    return blocks * 1024 / ADTS_RATES[headers[0][2] >> 2 & 15]


def _frames(file: _LimitedFile, start: int, length_of: Callable[[bytes], int]) -> list[bytes]:
    """Return the headers of consecutive frames from `start` to the end of the file, or nearly."""
    headers, position = [], start
    while True:
        file.seek(position)
        header = file.read(HEADER_BYTES)
        length = length_of(header)
        if not length:
            break
        headers.append(header)
        position += length
    if position - start < MIN_FRAMES_SHARE * (file.size - start):
        raise ValueError("the file does not consist of frames")
    return headers


def _ogg(file: _LimitedFile) -> float:
    """Divide the last page's position, in samples, by the sample rate in the first packet."""
    page = OggPage(file)
    head, skipped = page.packets[0], 0
    if head.startswith(b"OpusHead"):
        rate, skipped = 48000, struct.unpack_from("<H", head, 10)[0]
    elif head.startswith(b"\x7fFLAC"):
        rate = StreamInfo(head[17:]).sample_rate
    else:  # Vorbis, Speex
        (rate,) = struct.unpack_from("<I", head, 12 if head[:1] == b"\x01" else 36)
    last = OggPage.find_last(file, page.serial, finishing=True)
    return float((last.position - skipped) / rate)


def _flac(file: _LimitedFile) -> float:
    skip_id3(file)
    file.seek(file.tell() + 8)  # past the signature and the first block's header
    return float(StreamInfo(file.read(34)).length)


def _wav(file: _LimitedFile) -> float:
    """Divide the size of the data: mutagen supports neither RF64 nor files of live recorders."""
    position, per_second = 12, 0
    while position < file.size:
        file.seek(position)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"fmt ":
            coding, _, rate, _, block = struct.unpack("<HHIIH", file.read(14))
            per_second = rate * block if coding in WAV_CODINGS else 0
        elif name == b"data":  # a live recorder writes the largest possible length
            return float(min(length, file.size - position - 8) / per_second)
        position += 8 + length + length % 2
    raise LookupError("no data")


def _webm(file: _LimitedFile) -> float:
    """Read the Duration from the segment's Info. Browsers' recorders leave it out."""
    segment, end = _element(file, SEGMENT, 0, file.size)
    info, end = _element(file, INFO, segment, end)
    start, stop = _element(file, DURATION, info, end)
    file.seek(start)
    (ticks,) = struct.unpack({4: ">f", 8: ">d"}[stop - start], file.read(stop - start))
    try:
        start, stop = _element(file, TIMESTAMP_SCALE, info, end)
    except LookupError:
        return float(ticks / 1000)
    file.seek(start)
    return float(ticks * int.from_bytes(file.read(stop - start)) / 1e9)


def _element(file: _LimitedFile, wanted: int, position: int, end: int) -> tuple[int, int]:
    """Return where the content of the first EBML element with this identifier starts and ends."""
    while position < end:
        file.seek(position)
        head = file.read(12)
        identifier = head[: _width(head[0])]
        size = head[len(identifier) :][: _width(head[len(identifier)])]
        position += len(identifier) + len(size)
        bits = 7 * len(size)
        length = int.from_bytes(size) & (1 << bits) - 1
        stop = end if length == (1 << bits) - 1 else position + length  # all ones: to the end
        if int.from_bytes(identifier) == wanted:
            return position, min(stop, end)
        position = stop
    raise LookupError(f"no element {wanted:x}")


def _width(first: int) -> int:
    """Return the length in bytes of an EBML number that starts with this byte."""
    return 9 - first.bit_length()


_MEASURES: dict[str, Callable[[_LimitedFile], float]] = {
    "audio/mpeg": _mpeg,
    "audio/aac": _adts,
    "audio/ogg": _ogg,
    "audio/flac": _flac,
    "audio/wav": _wav,
    "audio/mp4": lambda file: float(MP4Info(Atoms(file), file).length),
    "audio/webm": _webm,
}
