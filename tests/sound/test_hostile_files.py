"""Truncated, damaged and malicious files: each becomes an analysis or a reason."""

import random
import struct
import zlib
from pathlib import Path

import pytest

from library.sound.analysis import Analysis
from library.sound.engine import analyse, render
from library.sound.failures import Failure
from library.sound.limits import ANALYSIS
from library.sound.rendition import Rendered, Rendition
from tests.sound.signals import noise, wav
from tests.sound.temporary import temporary

pytestmark = pytest.mark.processes
MP3 = (Path(__file__).parents[2] / "fixtures" / "audio" / "jazz-piano.mp3").read_bytes()
# The process must end for a reason of its own: nothing here may use up its time.
LIMITS = ANALYSIS._replace(cpu_seconds=20, wall_seconds=120.0)


def outcome(data: bytes, content_type: str) -> str:
    """Return "audio" or the reason for which there is none."""
    with temporary(data) as file:
        result = analyse(file, content_type, LIMITS)
    return "audio" if isinstance(result, Analysis) else result.code


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """Return a small valid file of each type."""
    original = wav(noise(3))
    made = {"audio/wav": original, "audio/mpeg": MP3[:20_000]}
    for form in ("opus", "aac"):
        rendition = Rendition(form, "low")
        with temporary(original) as audio, temporary() as output:
            assert isinstance(render(audio, "audio/wav", rendition, output), Rendered)
            output.seek(0)
            made[rendition.content_type] = output.read()
    return made


def box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


@pytest.mark.parametrize("content_type", ["audio/wav", "audio/mpeg", "audio/ogg", "audio/mp4"])
@pytest.mark.parametrize("seed", [1, 2])
def test_random_bytes_inside_a_file(files: dict[str, bytes], content_type: str, seed: int) -> None:
    generator = random.Random(seed)
    data = bytearray(files[content_type])
    for _ in range(20 * seed):
        data[generator.randrange(len(data))] = generator.randrange(256)
    assert outcome(bytes(data), content_type) in {"audio", "damaged", "no_audio", "too_long"}


@pytest.mark.parametrize("content_type", ["audio/mpeg", "audio/ogg", "audio/mp4"])
def test_half_a_file(files: dict[str, bytes], content_type: str) -> None:
    data = files[content_type]
    with temporary(data[: len(data) // 2]) as file:
        result = analyse(file, content_type, LIMITS)
    assert isinstance(result, Analysis), result
    assert result.truncated or content_type == "audio/mpeg"  # already half of a file


@pytest.mark.parametrize(
    "content_type",
    ["audio/wav", "audio/mpeg", "audio/ogg", "audio/mp4", "audio/flac", "audio/aac", "audio/webm"],
)
def test_noise_is_no_audio(content_type: str) -> None:
    data = random.Random(3).randbytes(50_000)
    assert outcome(data, content_type) in {"damaged", "no_audio"}


def test_empty_file() -> None:
    assert outcome(b"", "audio/mpeg") == "damaged"


def test_flac_that_declares_days_is_too_long() -> None:
    """Silence compresses to almost nothing: the header alone promises 2^36 samples."""
    rate, channels, bits, samples = 44_100, 2, 16, (1 << 36) - 1
    numbers = rate << 44 | (channels - 1) << 41 | (bits - 1) << 36 | samples
    info = struct.pack(">HH6x", 4_096, 4_096) + numbers.to_bytes(8, "big") + bytes(16)
    header = b"fLaC" + struct.pack(">I", 0x80 << 24 | len(info)) + info
    assert outcome(header + b"\xff\xf8\xc9\x18\0\xc2" + bytes(100), "audio/flac") in {
        "too_long",
        "damaged",
    }


def test_mp3_of_hours_is_too_long() -> None:
    """Frames that are all alike: 8 kHz, 8 kbit/s, so that 4 MB last over an hour."""
    frame = b"\xff\xe3\x18\xc4" + bytes(68)
    info = bytearray(frame)
    info[13:21] = b"Xing\0\0\0\1"
    info[21:25] = struct.pack(">I", 60_000)
    assert outcome(bytes(info) + frame * 100, "audio/mpeg") == "too_long"


def test_wav_that_promises_much_is_only_truncated() -> None:
    with temporary(wav(noise(0.5), declared=0x7000_0000)) as file:
        result = analyse(file, "audio/wav", LIMITS)
    assert isinstance(result, Analysis), result
    assert (result.truncated, result.duration) == (True, 0.5)


@pytest.mark.parametrize("entries", [1_000_000, 0xFFFF_FFF0])
def test_mp4_with_a_huge_index(entries: int) -> None:
    described = box(
        b"mp4a", bytes(6), b"\0\1", bytes(8), struct.pack(">HHII", 2, 16, 0, 48_000 << 16)
    )
    present = min(entries, 1_000_000)
    table = box(
        b"stbl",
        box(b"stsd", bytes(4), struct.pack(">I", 1), described),
        box(b"stts", bytes(4), struct.pack(">I", entries), struct.pack(">II", 1, 1) * present),
        box(b"stsz", bytes(4), struct.pack(">II", 4, entries)),
        box(b"stsc", bytes(4), struct.pack(">I", 1), struct.pack(">III", 1, 1, 1)),
        box(b"stco", bytes(4), struct.pack(">I", entries), bytes(4 * present)),
    )
    media = box(
        b"mdia",
        box(b"mdhd", bytes(12), struct.pack(">III", 48_000, 48_000, 0)),
        box(b"hdlr", bytes(8), b"soun", bytes(13)),
        box(b"minf", table),
    )
    movie = box(b"moov", box(b"trak", box(b"tkhd", bytes(84)), media))
    data = box(b"ftyp", b"M4A ", bytes(4)) + movie + box(b"mdat", bytes(1000))
    assert outcome(data, "audio/mp4") in {"damaged", "audio", "out_of_memory", "unsupported_codec"}


def test_deeply_nested_boxes() -> None:
    depth = 50_000
    nested = b"".join(struct.pack(">I4s", 8 * left, b"trak") for left in range(depth, 0, -1))
    data = box(b"ftyp", b"M4A ", bytes(4)) + box(b"moov", nested)
    assert outcome(data, "audio/mp4") in {"damaged", "no_audio"}


@pytest.mark.parametrize(
    "playlist",
    [b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n"],
)
def test_playlists_are_not_opened(playlist: bytes) -> None:
    assert outcome(playlist, "audio/mpeg") == "damaged"


def test_compressed_tag_that_unpacks_to_gigabytes() -> None:
    """A frame of ID3v2.4 with compression, whose declared size is 256 MB."""
    packed = zlib.compress(bytes(20_000_000), 9)
    body = b"\x0f\xff\xff\xff" + packed
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    frame = b"APIC" + size + b"\0\x09" + body
    total = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    data = b"ID3\4\0\0" + total + frame + MP3[:20_000]
    assert outcome(data, "audio/mpeg") == "audio"


def test_huge_cover_picture_is_not_decoded() -> None:
    """A PNG of 65,000 by 65,000 pixels takes 17 GB in memory."""
    header = struct.pack(">IIBBBBB", 65_000, 65_000, 8, 6, 0, 0, 0)
    chunk = b"IHDR" + header
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk
    png += struct.pack(">I", zlib.crc32(chunk)) + struct.pack(">I", 4_000_000) + b"IDAT"
    png += zlib.compress(bytes(60_000_000), 9).ljust(4_000_000, b"\0")
    body = b"\0image/png\0\3\0" + png
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    frame = b"APIC" + size + b"\0\0" + body
    total = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    data = b"ID3\4\0\0" + total + frame + MP3[:20_000]
    assert outcome(data, "audio/mpeg") == "audio"


def test_failures_do_not_reach_the_rendition() -> None:
    with temporary(b"RIFF\0\0\0\0WAVE") as audio, temporary() as output:
        assert render(audio, "audio/wav", Rendition("mp3"), output) == Failure("damaged")


def test_damaged_packets_do_not_decide_the_loudness() -> None:
    """Wrong bits in MP3 decode to samples far beyond full scale."""
    dice = random.Random(11)
    data = bytearray(MP3)
    for _ in range(len(data) // 300):
        data[dice.randrange(5_000, len(data))] = dice.randrange(256)
    with temporary(bytes(data)) as file:
        analysis = analyse(file, "audio/mpeg")
    assert isinstance(analysis, Analysis)
    assert analysis.true_peak is not None
    assert analysis.true_peak < 20
