"""Small files of audio and video, made byte by byte."""

import struct

RATE = 44_100

# MPEG audio and ADTS

MP3_FRAME = b"\xff\xfb\x90\x64" + bytes(413)  # MPEG 1, layer 3, 128 kbit/s, 44.1 kHz
MP2_FRAME = b"\xff\xfd\x80\x04" + bytes(413)  # layer 2, 128 kbit/s, 44.1 kHz
MP1_FRAME = b"\xff\xff\x40\x04" + bytes(132)  # layer 1, 128 kbit/s, 44.1 kHz
ADTS_FRAME = b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(9)  # AAC-LC, 44.1 kHz, 16 bytes
MP3_SECONDS, ADTS_SECONDS = 1152 / RATE, 1024 / RATE  # of a frame


def xing(frames: int) -> bytes:
    """Return a first frame whose header declares this number of frames."""
    return (MP3_FRAME[:36] + b"Xing" + struct.pack(">II", 1, frames)).ljust(417, b"\0")


def id3(size: int = 0, content: bytes = b"x", *, footer: bool = False, declared: int = -1) -> bytes:
    """Return an ID3v2 tag with `size` bytes of content."""
    number = size if declared < 0 else declared
    header = b"\4\0" + bytes([0x10 * footer])
    header += bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
    tag = b"ID3" + header + content * size
    return tag + (b"3DI" + header if footer else b"")


def ape(size: int) -> bytes:
    """Return an APEv2 tag with a header and `size` bytes of items."""
    return b"APETAGEX" + struct.pack("<IIII", 2000, size, 1, 1 << 31) + bytes(8 + size)


# FLAC


def flac(frames: int, total: int | None = None, *, size: int = 4096, first: int = 0) -> bytes:
    """Return FLAC of silent frames whose header declares `total` samples; by default the truth."""
    total = frames * size if total is None else total
    fields = RATE << 44 | 1 << 41 | 15 << 36 | total
    info = struct.pack(">HH6x", size, size) + fields.to_bytes(8) + bytes(16)
    body = b"".join(_flac_frame(number) for number in range(first, first + frames))
    return b"fLaC\x80\0\0\x22" + info + body


def _flac_frame(number: int) -> bytes:
    """Return a frame of 4,096 samples in stereo: a header, and silence as constant subframes."""
    header = b"\xff\xf8\xc9\x18" + chr(number).encode()
    return header + bytes([_crc8(header)]) + bytes(6) + b"\0\0"


def _crc8(content: bytes) -> int:
    crc = 0
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 ^ (0x107 if crc & 0x80 else 0)
    return crc


# WAV


def chunk(name: bytes, content: bytes, declared: int | None = None) -> bytes:
    """Return a chunk of RIFF."""
    length = len(content) if declared is None else declared
    return name + struct.pack("<I", length) + content + b"\0" * (len(content) % 2)


def wav(
    data: bytes, *, coding: int = 1, bits: int = 8, declared: int | None = None, ds64: int = 0
) -> bytes:
    """Return a mono WAV of 8,000 samples a second."""
    block = max(1, bits // 8)
    form = chunk(b"fmt ", struct.pack("<HHIIHH", coding, 1, 8000, 8000 * block, block, bits))
    sizes = chunk(b"ds64", struct.pack("<QQQI", 0, ds64, 0, 0)) if ds64 else b""
    content = b"WAVE" + sizes + form + chunk(b"data", data, declared)
    return (b"RF64" if ds64 else b"RIFF") + struct.pack("<I", len(content)) + content


# ISO media


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box of ISO media."""
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def esds(object_type: int = 0x40, audio_object: int = 2) -> bytes:
    """Return the descriptors of an MPEG-4 audio stream."""
    object_bits = (
        audio_object << 11 | 0x210 if audio_object < 32 else 0xF800 | audio_object - 32 << 5
    )
    specific = b"\x05\x02" + struct.pack(">H", object_bits)
    config = b"\x04" + bytes([13 + len(specific)]) + bytes([object_type, 0x15]) + bytes(11)
    return box(b"esds", bytes(4), b"\x03\x19\0\1\0", config + specific, b"\x06\x01\x02")


def track(
    handler: bytes = b"soun",
    codec: bytes = b"mp4a",
    *,
    entry: bytes | None = None,
    samples: int = 100,
    sample_bytes: int = 10,
    offset: int = 0,
    each: int = 1024,
    scale: int = RATE,
    identifier: int = 1,
    declared: int | None = None,
    edits: bytes = b"",
) -> bytes:
    """Return a track whose samples are in one chunk at `offset`."""
    duration = samples * each if declared is None else declared
    extra = esds() if entry is None and codec == b"mp4a" else entry or b""
    description = box(codec, bytes(6), b"\0\1", bytes(20), extra)
    return box(
        b"trak",
        box(b"tkhd", bytes(4), bytes(8), struct.pack(">I", identifier), bytes(68)),
        edits,
        box(
            b"mdia",
            box(b"mdhd", bytes(12), struct.pack(">II", scale, duration), bytes(4)),
            box(b"hdlr", bytes(8), handler, bytes(13)),
            box(
                b"minf",
                box(
                    b"stbl",
                    box(b"stsd", bytes(4), struct.pack(">I", 1), description),
                    box(b"stts", bytes(4), struct.pack(">III", bool(samples), samples, each)),
                    box(b"stsc", bytes(4), struct.pack(">IIII", 1, 1, samples, 1)),
                    box(b"stsz", bytes(4), struct.pack(">II", sample_bytes, samples)),
                    box(b"stco", bytes(4), struct.pack(">II", 1, offset)),
                ),
            ),
        ),
    )


FTYP = box(b"ftyp", b"M4A ", bytes(4))


def movie(*tracks: bytes, more: bytes = b"") -> bytes:
    """Return an index."""
    header = box(b"mvhd", bytes(12), struct.pack(">II", 1000, 0), bytes(80))
    return box(b"moov", header, *tracks, more)


def mp4(*tracks: bytes, brand: bytes = b"M4A ", data: bytes = bytes(1000)) -> bytes:
    """Return a file whose index is at its front."""
    return box(b"ftyp", brand, bytes(4)) + movie(*tracks) + box(b"mdat", data)


def fragment(samples: int, *, each: int = 1024, identifier: int = 1, data: int = 100) -> bytes:
    """Return a fragment of ISO media with its data."""
    header = box(b"tfhd", struct.pack(">III", 0x000008, identifier, each))
    run = box(b"trun", struct.pack(">II", 0, samples))
    return box(b"moof", box(b"traf", header, run)) + box(b"mdat", bytes(data))


# Ogg


def page(
    payload: bytes, *, flags: int = 0, granule: int = 0, serial: int = 7, number: int = 0
) -> bytes:
    """Return a page with one packet; its checksum is not computed."""
    full, rest = divmod(len(payload), 255)
    segments = b"\xff" * full + bytes([rest])
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, serial, number, 0, len(segments))
    return head + segments + payload


OPUS_HEAD = b"OpusHead\1\2" + struct.pack("<HIhB", 312, 48_000, 0, 0)
VORBIS_HEAD = b"\x01vorbis" + struct.pack("<IBI", 0, 2, RATE) + bytes(14)
SPEEX_HEAD = b"Speex   1.2".ljust(80, b"\0")
THEORA_HEAD = b"\x80theora\3\2\1".ljust(42, b"\0")
SKELETON_HEAD = b"fishead\0".ljust(64, b"\0")
OGG_FLAC_HEAD = b"\x7fFLAC\1\0\0\1" + flac(0)[:42]


def ogg(head: bytes = OPUS_HEAD, *, last: int = 48_312, serial: int = 7, begin: int = 0) -> bytes:
    """Return one stream whose last page ends at a position in samples."""
    middle = begin + (last - begin) // 2
    return (
        page(head, flags=2, serial=serial)
        + page(b"tags", number=1, serial=serial)
        + page(bytes(300), granule=middle, number=2, serial=serial)
        + page(bytes(300), granule=last, number=3, flags=4, serial=serial)
    )


# WebM

UNKNOWN = -1


def element(kind: int, *parts: bytes, size: int | None = None) -> bytes:
    """Return an element of EBML; the size UNKNOWN is that of live recordings."""
    content = b"".join(parts)
    length = len(content) if size is None else size
    number = (1 << 56) - 1 if length == UNKNOWN else length
    name = kind.to_bytes((kind.bit_length() + 7) // 8)
    return name + b"\x01" + number.to_bytes(7) + content


def webm_track(kind: int = 2, codec: bytes = b"A_OPUS") -> bytes:
    """Return a track of video (1), sound (2) or another kind."""
    return element(0xAE, element(0xD7, b"\1"), element(0x83, bytes([kind])), element(0x86, codec))


def webm(
    *tracks: bytes,
    blocks: int = 50,
    document: bytes = b"webm",
    declared: float | None = None,
    live: bool = False,
) -> bytes:
    """Return a file with blocks of Opus, 20 ms each, in one cluster."""
    size = UNKNOWN if live else None
    ticks = b"" if declared is None else element(0x4489, struct.pack(">d", declared * 1000))
    sound = [
        element(0xA3, b"\x81" + struct.pack(">hB", 20 * n, 0x80) + b"\x7c" + bytes(20))
        for n in range(blocks)
    ]
    return element(0x1A45DFA3, element(0x4282, document)) + element(
        0x18538067,
        element(0x1549A966, element(0x2AD7B1, b"\x0f\x42\x40"), ticks),
        element(0x1654AE6B, *(tracks or [webm_track()])),
        element(0x1F43B675, element(0xE7, b"\0"), *sound, size=size),
        size=size,
    )
