"""The tracks of ISO media, which decide whether a file is audio that browsers play.

Brands do not: a recording of a phone can have the brand of video and contain AAC.

Sources: ISO/IEC 14496-12 (8.3 to 8.5), 14496-1 (7.2.6, object types), the registry of mp4ra.org,
the QuickTime File Format.
"""

import re
from itertools import islice
from typing import NamedTuple

from library.audio.containers.boxes import MOST_TRACKS, Box, boxes, find
from library.audio.containers.reader import Reader
from library.audio.containers.results import (
    NO_AUDIO,
    NO_INDEX,
    VIDEO,
    Audio,
    Refusal,
    protected,
    unplayable,
)

PLAYABLE = {b"Opus", b"fLaC", b".mp3", b"ms\0\x55", b"sowt", b"twos", b"in24", b"lpcm", b"ipcm"}
ENCRYPTED = {b"enca", b"drms"}
NAMES = {
    b"alac": "ALAC (Apple Lossless)",
    b"samr": "AMR",
    b"sawb": "AMR-WB",
    b"sawp": "AMR-WB+",
    b"ac-3": "AC-3 (Dolby Digital)",
    b"ec-3": "E-AC-3 (Dolby Digital Plus)",
    b"ac-4": "AC-4",
    b"mlpa": "Dolby TrueHD",
    b"mha1": "MPEG-H",
    b"mhm1": "MPEG-H",
    **dict.fromkeys((b"dtsc", b"dtsh", b"dtsl", b"dtse", b"dtsx"), "DTS"),
    **dict.fromkeys((b"in32", b"fl32", b"fl64", b"fpcm", b"raw ", b"NONE"), "uncompressed MP4"),
    **dict.fromkeys((b"ima4", b"ms\0\x02", b"ms\0\x11"), "ADPCM"),
    b"QDM2": "QDesign",
    b"QDMC": "QDesign",
    b"Qclp": "QCELP",
    b"sevc": "EVRC",
    b"spex": "Speex",
}
# Object types of `mp4a`: AAC of MPEG-4 and MPEG-2, and MP3.
AAC_OR_MP3 = {0x40, 0x66, 0x67, 0x68, 0x69, 0x6B}
OBJECT_NAMES = {0xA5: NAMES[b"ac-3"], 0xA6: NAMES[b"ec-3"], 0xA9: "DTS", 0xE1: "QCELP"}
# Audio object types of MPEG-4 audio (ISO/IEC 14496-3, table 1.17) that AAC decoders play.
AAC_OBJECTS = {1, 2, 4, 5, 29}
AAC_OBJECT_NAMES = {3: "AAC-SSR", 36: "MPEG-4 ALS", 42: "xHE-AAC"}
PICTURES = {b"jpeg", b"png ", b"tiff", b"gif ", b"mjpa", b"mjpb"}
PICTURE_OBJECTS = {0x6C, 0x6D}  # object types of `mp4v`: JPEG and PNG, as FFmpeg writes them
MOST_PICTURES = 1  # a second: covers and pictures of chapters; with more it is a film
MOST_ENTRY_BYTES = 4096  # read of a sample entry


class Track(NamedTuple):
    """A track, its handler (`soun`, `vide` …) and its codec."""

    box: Box
    handler: bytes
    codec: bytes
    entry: bytes  # the first sample entry


def recognize_iso(reader: Reader, start: int) -> Audio | Refusal:
    """Judge a file by its tracks. It must have arrived up to the end of its index, `moov`."""
    index = next((box for box in boxes(reader, start) if box.kind == b"moov"), None)
    if index is None:
        return NO_INDEX
    reader.wait_for(index.end)
    if index.end > reader.size:
        return NO_INDEX
    if find(reader, index, b"cmov"):
        return unplayable("QuickTime with a compressed index")
    found = tracks(reader, index)
    if any(track.handler == b"vide" and not _is_picture(reader, track) for track in found):
        return VIDEO
    sounds = [track for track in found if track.handler == b"soun"]
    if not sounds:
        return NO_AUDIO
    refusals = [_unplayable(track) for track in sounds]
    return Audio("audio/mp4", start) if None in refusals else refusals[0] or NO_AUDIO


def tracks(reader: Reader, index: Box) -> list[Track]:
    """Return the first tracks of an index."""
    found = (box for box in boxes(reader, index.start, index.end) if box.kind == b"trak")
    return [_track(reader, box) for box in islice(found, MOST_TRACKS)]


def _track(reader: Reader, box: Box) -> Track:
    handler = find(reader, box, b"mdia", b"hdlr")
    kind = reader.at(handler.start + 8, 4) if handler else b""
    table = find(reader, box, b"mdia", b"minf", b"stbl", b"stsd")
    if table is None:
        return Track(box, kind, b"", b"")
    first = next(boxes(reader, table.start + 8, table.end), None)
    if first is None:
        return Track(box, kind, b"", b"")
    entry = reader.at(first.start, min(first.end - first.start, MOST_ENTRY_BYTES))
    return Track(box, kind, first.kind, entry)


def _is_picture(reader: Reader, track: Track) -> bool:
    """Return whether a track of video has at most MOST_PICTURES still pictures a second.

    The pictures of a fragmented file are not in its index, so they count as video.
    """
    descriptor = _descriptor(track.entry) if track.codec == b"mp4v" else None
    if track.codec not in PICTURES and not (descriptor and descriptor[0] in PICTURE_OBJECTS):
        return False
    seconds = media_seconds(reader, track)
    sizes = find(reader, track.box, b"mdia", b"minf", b"stbl", b"stsz")
    pictures = reader.number(sizes.start + 8, 4) if sizes else 0
    return 1 <= pictures <= 1 + MOST_PICTURES * seconds


def media_seconds(reader: Reader, track: Track) -> float:
    """Return the duration that a track's media header declares, or 0."""
    header = find(reader, track.box, b"mdia", b"mdhd")
    if header is None:
        return 0.0
    scale, duration = scale_and_duration(reader, header)
    return duration / scale if scale else 0.0


def scale_and_duration(reader: Reader, header: Box) -> tuple[int, int]:
    """Return the time scale and duration of an `mdhd` or `mvhd`; 0 if the duration is unknown."""
    wide = reader.at(header.start, 1) == b"\1"
    scale = reader.number(header.start + (20 if wide else 12), 4)
    length = 8 if wide else 4
    duration = reader.number(header.start + (24 if wide else 16), length)
    return scale, 0 if duration == (1 << 8 * length) - 1 else duration


def _unplayable(track: Track) -> Refusal | None:
    """Return why browsers do not play a track of sound, or None if they do."""
    if track.codec in PLAYABLE:
        return None
    if track.codec in ENCRYPTED:
        return protected()
    if track.codec != b"mp4a":
        name = track.codec.decode("latin-1").strip()
        return unplayable(NAMES.get(track.codec) or (name if name.isprintable() else "") or "other")
    descriptor = _descriptor(track.entry)
    if descriptor is None:
        return None
    object_type, audio_object = descriptor
    if object_type not in AAC_OR_MP3:
        return unplayable(OBJECT_NAMES.get(object_type, "non-AAC MPEG-4"))
    if object_type == 0x40 and audio_object and audio_object not in AAC_OBJECTS:
        return unplayable(AAC_OBJECT_NAMES.get(audio_object, "non-AAC MPEG-4"))
    return None


def _descriptor(entry: bytes) -> tuple[int, int] | None:
    """Return the object type and audio object type of an `esds`, or None if there is none.

    Descriptors are a tag, a length of one to four bytes, and content.
    """
    esds = entry.find(b"esds")
    found = esds >= 0 and re.compile(
        rb"\x04[\x80-\xff]{0,3}.(.).{12}(?:\x05[\x80-\xff]{0,3}.(..))?", re.DOTALL
    ).search(entry, esds + 8)
    if not found:
        return None
    bits = int.from_bytes(found[2] or b"\0\0")
    audio_object = bits >> 11
    return found[1][0], 32 + (bits >> 5 & 63) if audio_object == 31 else audio_object
