"""Raw streams of frames: MPEG audio and AAC in ADTS.

Sources: ISO/IEC 11172-3 and 13818-3 (MPEG audio), ISO/IEC 13818-7 (ADTS), the Xing, LAME and VBRI
headers as FFmpeg reads them.
"""

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from library.audio.containers.reader import Reader, TooManyReadsError
from library.audio.containers.results import Audio, Measurement, Refusal, unplayable
from library.audio.containers.tags import tag_length

HEADER_BYTES = 7  # of an ADTS frame; MPEG audio has 4
# Bytes before the first frame. FFmpeg, and with it Chromium, searches as far.
JUNK_BYTES = 65_536
MOST_ZEROS = 1_048_576  # bytes of padding in front of the first frame
PIECE_BYTES = 4096  # searched at a time, so that a download is read no further than needed
FRAMES_AFTER_JUNK = 4  # in a row: fewer also occur in random bytes
MOST_GAPS = 50  # between frames

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
# samples per second by the sampling frequency index of ADTS
ADTS_RATES = (
    *(96000, 88200, 64000, 48000, 44100, 32000, 24000),
    *(22050, 16000, 12000, 11025, 8000, 7350),
)
# How a frame can begin. Trying no other places is much faster.
_SYNC = re.compile(rb"\xff(?=[\xe2-\xff][\0-\xef])")


class Frame(NamedTuple):
    """A frame's length in bytes, its samples per channel, its sample rate, and its format.

    `layer` is 0 for ADTS. The frames of a stream share rate, layer and version.
    """

    length: int
    samples: int
    rate: int
    layer: int
    version: int


def frame_at(head: bytes) -> Frame | None:
    """Return the frame that begins with these HEADER_BYTES, or None."""
    if len(head) < 4 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:
        return _adts(head)
    return _mpeg(head[1], head[2])


def _adts(head: bytes) -> Frame | None:
    rate_index = head[2] >> 2 & 0x0F
    if len(head) < HEADER_BYTES or rate_index >= len(ADTS_RATES):
        return None
    length = (head[3] & 0x03) << 11 | head[4] << 3 | head[5] >> 5
    if length <= HEADER_BYTES:
        return None
    return Frame(length, ((head[6] & 3) + 1) * 1024, ADTS_RATES[rate_index], 0, head[1] >> 3 & 1)


@lru_cache(maxsize=4096)
def _mpeg(second: int, third: int) -> Frame | None:
    version = second >> 3 & 3  # 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
    layer = 4 - (second >> 1 & 3)  # 4 is reserved
    rate_index, sample_index, padding = third >> 4, third >> 2 & 3, third >> 1 & 1
    if second & 0xE0 != 0xE0 or version == 1 or layer == 4:
        return None
    if rate_index in (0, 15) or sample_index == 3:
        return None
    bits = (_RATES_V1 if version == 3 else _RATES_V2)[layer][rate_index] * 1000
    rate = _SAMPLE_RATES[sample_index] // {3: 1, 2: 2, 0: 4}[version]
    if layer == 1:
        return Frame((12 * bits // rate + padding) * 4, 384, rate, layer, version)
    samples = 576 if layer == 3 and version != 3 else 1152
    return Frame(samples // 8 * bits // rate + padding, samples, rate, layer, version)


def recognize_frames(reader: Reader, start: int, *, tagged: bool) -> Audio | Refusal | None:
    """Recognize a stream whose first frame begins at `start` and is followed by a second one.

    Behind a tag, a single frame that ends the file is enough.
    """
    frame = frame_at(reader.at(start, HEADER_BYTES))
    if frame is None:
        return None
    following = reader.at(start + frame.length, HEADER_BYTES)
    if _continues(frame, following) or (tagged and not following):
        return _judge(frame, start)
    return None


def search_frames(reader: Reader, start: int) -> Audio | Refusal | None:
    """Recognize a stream behind junk: zeros, the rest of a cut frame, or anything else."""
    for _ in range(MOST_ZEROS // PIECE_BYTES):
        piece = reader.at(start, PIECE_BYTES)
        start += len(piece) - len(piece.lstrip(b"\0"))
        if not piece or piece.strip(b"\0"):
            break
    found = find_frames(reader, start)
    return None if found is None else _judge(found[1], found[0])


def _judge(frame: Frame, start: int) -> Audio | Refusal:
    if frame.layer == 0:
        return Audio("audio/aac", start)
    if frame.layer == 3:
        return Audio("audio/mpeg", start)
    return unplayable(f"MP{frame.layer} (MPEG layer {'I' * frame.layer})")


def find_frames(reader: Reader, start: int) -> tuple[int, Frame] | None:
    """Return the first of several frames in a row within JUNK_BYTES of `start`, and its place."""
    for piece_start in range(start, start + JUNK_BYTES, PIECE_BYTES):
        piece = reader.at(piece_start, PIECE_BYTES + HEADER_BYTES)
        for match in _SYNC.finditer(piece, 0, PIECE_BYTES + 2):
            offset = match.start()
            frame = frame_at(piece[offset : offset + HEADER_BYTES])
            if frame and _in_a_row(reader, piece_start + offset, frame):
                return piece_start + offset, frame
        if len(piece) < PIECE_BYTES:
            break
    return None


def _in_a_row(reader: Reader, position: int, first: Frame) -> bool:
    """Return whether FRAMES_AFTER_JUNK frames of one stream begin here."""
    frame = first
    for _ in range(FRAMES_AFTER_JUNK - 1):
        position += frame.length
        following = frame_at(reader.at(position, HEADER_BYTES))
        if following is None or following[2:] != first[2:]:
            return False
        frame = following
    return True


def _continues(frame: Frame, header: bytes) -> bool:
    following = frame_at(header)
    return following is not None and following[2:] == frame[2:]


def measure_frames(reader: Reader, start: int, end: int) -> Measurement:
    """Count the samples of all frames. The encoder's header gives its delay and declares a number.

    If that takes too many reads, the rest is estimated. Raises LookupError if there is no frame.
    """
    first = frame_at(reader.at(start, HEADER_BYTES))
    if first is None:
        raise LookupError("no frame")
    info = _encoder_header(reader, start, first)
    behind = start + first.length if info else start
    samples: Counter[int] = Counter()  # by sample rate
    count, counted = 0, start  # up to this position
    try:
        for position, frame in _frames(reader, behind, end):
            count += 1
            counted = position + frame.length
            samples[frame.rate] += frame.samples
    except TooManyReadsError:
        return Measurement(_seconds(samples) * (end - start) / (counted - start))
    if not count:
        raise LookupError("no frame")
    if info is None:
        return Measurement(_seconds(samples))
    promised, delay, padding = info
    samples[first.rate] -= delay + (padding if count >= promised else 0)
    declared = promised * first.samples - delay - padding if promised else None
    return Measurement(_seconds(samples), declared and declared / first.rate)


def _seconds(samples: Counter[int]) -> float:
    return sum(number / rate for rate, number in samples.items())


def _frames(reader: Reader, position: int, end: int) -> Iterator[tuple[int, Frame]]:
    """Yield the whole frames up to `end` with their positions, past tags and damage."""
    gaps = 0
    while position + 4 <= end:
        header = reader.at(position, HEADER_BYTES)
        frame = frame_at(header)
        if frame is None:
            gaps += 1
            if gaps > MOST_GAPS or header[:3] == b"TAG":  # ID3v1 is the end
                return
            position += tag_length(reader.at(position, 16))
            found = find_frames(reader, position)
            if found is None:
                return
            position, frame = found
        if position + frame.length > end:
            return
        yield position, frame
        position += frame.length


def _encoder_header(reader: Reader, start: int, frame: Frame) -> tuple[int, int, int] | None:
    """Return the number of frames that an Xing, Info or VBRI header declares, and the samples to
    drop at the beginning and end. None if the first frame is audio.
    """
    if frame.layer != 3:
        return None
    head = reader.at(start, min(frame.length, 200))
    if head[36:40] == b"VBRI":
        return int.from_bytes(head[50:54]), 0, 0
    side = {True: {True: 17, False: 32}, False: {True: 9, False: 17}}[frame.version == 3]
    offset = 4 + side[head[3] >> 6 == 3]  # the mode of mono is 3
    if head[offset : offset + 4] not in (b"Xing", b"Info"):
        return None
    flags = int.from_bytes(head[offset + 4 : offset + 8])
    promised = int.from_bytes(head[offset + 8 : offset + 12]) if flags & 1 else 0
    lame = offset + 8 + 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1)
    lame += 4 * (flags >> 3 & 1)
    if head[lame : lame + 4] not in (b"LAME", b"Lavf", b"Lavc"):
        return promised, 0, 0
    gap = int.from_bytes(head[lame + 21 : lame + 24])
    return promised, gap >> 12, gap & 0xFFF
