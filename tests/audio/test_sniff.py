"""Detecting media types by content."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.audio.sniff import EXTENSIONS, SNIFF_BYTES, audio_type

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


@needs_ffmpeg
@pytest.mark.parametrize("name", ENCODED)
def test_audio_type_is_detected(name: str, tmp_path: Path) -> None:
    expected, options = ENCODED[name]
    assert audio_type(encode(tmp_path / name, options)) == expected


@needs_ffmpeg
@pytest.mark.parametrize("name", VIDEO)
def test_video_is_refused(name: str, tmp_path: Path) -> None:
    assert audio_type(encode(tmp_path / name, VIDEO[name], video=True)) is None


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
