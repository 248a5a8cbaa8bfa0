"""Detecting media types by content."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.audio.errors import AudioUnavailableError
from library.audio.sniff import (
    EXTENSIONS,
    SNIFF_BYTES,
    UNDECIDED,
    audio_type,
    early_audio_type,
    read_head,
)

ENCODED = {
    "plain.mp3": ("audio/mpeg", "-id3v2_version 0 -write_xing 0"),
    "tagged.mp3": ("audio/mpeg", "-metadata title=Tagged -id3v2_version 4"),
    "low.mp3": ("audio/mpeg", "-ar 22050 -b:a 32k"),
    "layer2.mp2": ("audio/mpeg", ""),
    "vorbis.ogg": ("audio/ogg", "-c:a libvorbis"),
    "opus.ogg": ("audio/ogg", "-c:a libopus"),
    "flac.ogg": ("audio/ogg", "-c:a flac"),
    "index-last.m4a": ("audio/mp4", ""),
    "index-first.m4a": ("audio/mp4", "-movflags +faststart"),
    "titled.m4a": ("audio/mp4", "-movflags +faststart -metadata title=video/vide"),
    "titled.webm": ("audio/webm", "-c:a libopus -metadata title=V_VP9"),
    "large.wav": ("audio/wav", "-rf64 always"),
    "plain.wav": ("audio/wav", ""),
    "plain.flac": ("audio/flac", ""),
    "plain.aac": ("audio/aac", ""),
    "opus.webm": ("audio/webm", "-c:a libopus"),
    "vorbis.webm": ("audio/webm", "-c:a libvorbis"),
}
VIDEO = {
    "video.mp4": "-c:v mpeg4 -movflags +faststart",
    "video.webm": "-c:v libvpx -c:a libopus",
    "video.ogv": "-c:v libtheora -c:a libvorbis",
    "video.mkv": "-c:v mpeg4",
    "video.avi": "",
}

needs_ffmpeg = pytest.mark.skipif(
    not shutil.which("ffmpeg"), reason="needs ffmpeg: make system-tools"
)


def encode(path: Path, options: str, *, video: bool = False) -> bytes:
    """Encode a second of sound, optionally with video, and return the first bytes."""
    inputs = "-f lavfi -i sine=frequency=440:duration=1"
    if video:
        inputs += " -f lavfi -i testsrc=size=64x64:duration=1"
    command = f"ffmpeg -loglevel error -y {inputs} {options}"
    subprocess.run([*command.split(), str(path)], check=True)
    return path.read_bytes()[:SNIFF_BYTES]


def assert_early_answers_stand(head: bytes) -> None:
    """Check that no answer for the first bytes differs from the answer for all of them."""
    final = audio_type(head)
    for size in range(len(head)):
        assert early_audio_type(head[:size]) in (UNDECIDED, final), size


@needs_ffmpeg
@pytest.mark.parametrize("name", ENCODED)
def test_audio_type_is_detected(name: str, tmp_path: Path) -> None:
    expected, options = ENCODED[name]
    head = encode(tmp_path / name, options)
    assert audio_type(head) == expected
    assert_early_answers_stand(head)


@needs_ffmpeg
@pytest.mark.parametrize("name", VIDEO)
def test_video_is_refused(name: str, tmp_path: Path) -> None:
    head = encode(tmp_path / name, VIDEO[name], video=True)
    assert audio_type(head) is None
    assert_early_answers_stand(head)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"ID3",
        b"<!DOCTYPE html><html><body>not found</body></html>",
        b'{"error": "not found"}',
        b"%PDF-1.7 ...............",
        b"\x89PNG\r\n\x1a\n................",
        b"\xff\xd8\xff\xe0.JFIF.................",
        b"PK\x03\x04.....................",
        b"RIFF....AVI LIST..........",
        b"#EXTM3U\nhttp://example.com/a.mp3\n",
        b"\xff\xfb",
        b"\xff\xfb\x90\x64" + b"\0" * 8000,  # only one frame header
        b"\xff" * 8000,
        "UTF-16 is no MP3".encode("utf-16"),
        b"\0" * 8000,
    ],
)
def test_other_content_is_refused(head: bytes) -> None:
    assert audio_type(head) is None


def test_mp3_after_a_tag_longer_than_the_sniffed_bytes_is_detected(mp3: bytes) -> None:
    size = 100_000
    tag = b"ID3\x04\0\0" + bytes((size >> 7 * n) & 0x7F for n in (3, 2, 1, 0))
    assert audio_type((tag + b"x" * size + mp3)[:SNIFF_BYTES]) == "audio/mpeg"


def test_mp3_after_two_tags_is_detected(mp3: bytes) -> None:
    tag = b"ID3\x04\0\0\0\0\0\x0a" + b"x" * 10
    assert audio_type((tag + tag + mp3)[:SNIFF_BYTES]) == "audio/mpeg"


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: b"OggS" + tail))
def test_any_bytes_give_a_type_or_none(head: bytes) -> None:
    assert audio_type(head) in (None, *EXTENSIONS)  # hypothesis can find signatures


# The answer before all bytes have arrived

ID3 = b"ID3\x04\0\0\0\0\0\x0a" + b"x" * 10
FRAME = b"\xff\xfb\x90\x64" + b"\0" * 413  # MPEG 1, layer 3, 128 kbit/s, 44.1 kHz
ADTS = b"\xff\xf1\x50\x80\x02\x1f\xfc" + b"\0" * 9  # 16 bytes
OGG = b"OggS" + b"\0" * 22 + b"\x01\x1e"


@pytest.mark.parametrize(
    ("head", "media_type", "bytes_needed"),
    [
        (FRAME * 20, "audio/mpeg", 417 + 4),
        (ID3 + FRAME * 20, "audio/mpeg", 20 + 417 + 4),
        (ADTS * 600, "audio/aac", 16 + 7),
        (ID3 + b"fLaC" + b"\0" * 9000, "audio/flac", 24),
        (b"fLaC" + b"\0" * 9000, "audio/flac", 12),
        (b"RIFF\0\0\0\0WAVE" + b"\0" * 9000, "audio/wav", 12),
        (OGG + b"OpusHead" + b"\0" * 9000, "audio/ogg", 28 + 8),
        (OGG + b"\x80theora" + b"\0" * 9000, None, 28 + 8),
        (b"<!DOCTYPE html>" + b" " * 9000, None, 12),
        (FRAME[:417] + b"\0" * 9000, None, 417 + 7),  # only one frame
        (b"\0\0\0\x1cftypqt  " + b"\0" * 9000, None, 12),
        (b"\0\0\0\x1cftypM4A " + b"\0" * 9000, "audio/mp4", SNIFF_BYTES),  # or video follows
    ],
)
def test_answer_is_given_as_soon_as_it_is_certain(
    head: bytes, media_type: str | None, bytes_needed: int
) -> None:
    assert early_audio_type(head[: bytes_needed - 1]) is UNDECIDED
    assert early_audio_type(head[:bytes_needed]) == media_type


def test_video_track_behind_an_audio_track_is_refused() -> None:
    tracks = b"hdlr" + b"\0" * 8 + b"soun" + b"\0" * 3000 + b"hdlr" + b"\0" * 8 + b"vide"
    head = b"\0\0\0\x1cftypM4A " + tracks
    assert early_audio_type(head[:3000]) is UNDECIDED
    assert early_audio_type(head) is None


SIGNATURES = [b"", ID3, ID3[:10], FRAME, ADTS, OGG, b"fLaC", b"RIFF\0\0\0\0WAVE", b"....ftypM4A "]


@given(st.lists(st.sampled_from(SIGNATURES) | st.binary(max_size=30), max_size=6))
def test_early_answer_never_changes(parts: list[bytes]) -> None:
    assert_early_answers_stand(b"".join(parts))


def test_head_is_read_no_further_than_needed() -> None:
    chunks = iter([FRAME[:100], FRAME[100:], FRAME, FRAME])
    assert read_head(chunks) == (FRAME * 2, "audio/mpeg")
    assert next(chunks) == FRAME


def test_short_audio_is_judged_by_all_its_bytes() -> None:
    assert read_head(iter([ID3, FRAME[:100]])) == (ID3 + FRAME[:100], "audio/mpeg")


def test_short_text_is_refused() -> None:
    with pytest.raises(AudioUnavailableError, match="origin_not_audio"):
        read_head(iter([b"not", b"found"]))
