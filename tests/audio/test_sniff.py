"""Detecting media types by content."""

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from library.audio import sniff
from library.audio.containers.reader import Reader
from library.audio.containers.results import Audio, Refusal
from library.audio.errors import AudioUnavailableError
from library.audio.recognition import recognize
from library.audio.sniff import UNDECIDED, audio_type, early_audio_type, read_head
from tests.support.sounds import (
    ADTS_FRAME,
    FTYP,
    MP2_FRAME,
    MP3_FRAME,
    THEORA_HEAD,
    box,
    flac,
    id3,
    movie,
    mp4,
    ogg,
    page,
    track,
    wav,
    webm,
)

ENCODED = {
    "plain.mp3": ("audio/mpeg", "-id3v2_version 0 -write_xing 0"),
    "tagged.mp3": ("audio/mpeg", "-metadata title=Tagged -id3v2_version 4"),
    "low.mp3": ("audio/mpeg", "-ar 22050 -b:a 32k"),
    "vorbis.ogg": ("audio/ogg", "-c:a libvorbis"),
    "opus.ogg": ("audio/ogg", "-c:a libopus"),
    "flac.ogg": ("audio/ogg", "-c:a flac"),
    "index-last.m4a": ("audio/mp4", ""),
    "index-first.m4a": ("audio/mp4", "-movflags +faststart"),
    "titled.m4a": ("audio/mp4", "-movflags +faststart -metadata title=video/vide"),
    "titled.webm": ("audio/webm", "-c:a libopus -metadata title=V_VP9"),
    "large.wav": ("audio/wav", "-rf64 always"),
    "plain.wav": ("audio/wav", ""),
    "phone.3gp": ("audio/mp4", "-c:a aac"),
    "quicktime.mov": ("audio/mp4", "-c:a aac"),
    "fragments.mp4": ("audio/mp4", "-c:a aac -movflags frag_keyframe+empty_moov"),
    "opus.mp4": ("audio/mp4", "-c:a libopus -strict -2"),
    "mp3.mp4": ("audio/mp4", "-c:a libmp3lame"),
    "mp3.wav": ("audio/wav", "-c:a libmp3lame"),
    "plain.flac": ("audio/flac", ""),
    "plain.aac": ("audio/aac", ""),
    "opus.webm": ("audio/webm", "-c:a libopus"),
    "vorbis.webm": ("audio/webm", "-c:a libvorbis"),
}
VIDEO = {
    "video.mp4": "-c:v mpeg4 -movflags +faststart",
    "video.webm": "-c:v libvpx -c:a libopus",
    "index-last.mp4": "-c:v mpeg4",
    "fragments.mp4": "-c:v mpeg4 -movflags frag_keyframe+empty_moov",
    "phone.3gp": "-c:v mpeg4 -s 176x144 -c:a aac",
    "quicktime.mov": "-c:v mpeg4",
    "pictures.mov": "-c:v mjpeg",
    "pictures.mp4": "-c:v mjpeg",
    "pictures-in-fragments.mp4": "-c:v mjpeg -movflags frag_keyframe+empty_moov",
    "video.ogv": "-c:v libtheora -c:a libvorbis",
    "vp8.ogg": "-c:v libvpx -c:a libvorbis",
    "video.flv": "-c:v flv -ar 22050",
    "video.wmv": "",
    "video.mpg": "",
    "video.ts": "",
    "video.mkv": "-c:v mpeg4",
    "video.avi": "",
}

needs_ffmpeg = pytest.mark.skipif(
    not shutil.which("ffmpeg"), reason="needs ffmpeg: make system-tools"
)


def encode(path: Path, options: str, *, video: bool = False) -> bytes:
    """Encode a second of sound, optionally with video, and return the file."""
    inputs = "-f lavfi -i sine=frequency=440:duration=1"
    if video:
        inputs += " -f lavfi -i testsrc=size=64x64:duration=1"
    command = f"ffmpeg -loglevel error -y {inputs} {options}"
    subprocess.run([*command.split(), str(path)], check=True)
    return path.read_bytes()


@needs_ffmpeg
@pytest.mark.parametrize("name", ENCODED)
def test_audio_type_is_detected(name: str, tmp_path: Path) -> None:
    expected, options = ENCODED[name]
    assert audio_type(encode(tmp_path / name, options)) == expected


@needs_ffmpeg
@pytest.mark.parametrize("name", VIDEO)
def test_video_is_refused(name: str, tmp_path: Path) -> None:
    assert audio_type(encode(tmp_path / name, VIDEO[name], video=True)) is None


@needs_ffmpeg
@pytest.mark.parametrize("codec", ["mjpeg", "png"])
def test_picture_each_second_is_no_video(codec: str, tmp_path: Path) -> None:
    content = encode(tmp_path / "a.mp4", f"-c:v {codec} -r 1", video=True)
    assert audio_type(content) == "audio/mp4"


# The answer before all bytes have arrived

LONG = bytes(9000)
NO_MATCH = b"\x01" + LONG  # of any signature
M4A = mp4(track())


@pytest.mark.parametrize(
    ("head", "media_type", "bytes_needed"),
    [
        (MP3_FRAME * 20, "audio/mpeg", 417 + 7),
        (id3(10) + MP3_FRAME * 20, "audio/mpeg", 20 + 417 + 7),
        (ADTS_FRAME * 600, "audio/aac", 16 + 7),
        (id3(10) + b"fLaC" + LONG, "audio/flac", 20 + 16),
        (b"fLaC" + LONG, "audio/flac", 16),
        (wav(LONG), "audio/wav", 20 + 16),
        (ogg() + LONG, "audio/ogg", 47 + 28),
        (page(THEORA_HEAD, flags=2) + LONG, None, 28 + 16),
        (b"%PDF-1.7" + LONG, None, 16),
        (b"<!DOCTYPE html>" + LONG, None, 1024),
        (M4A + LONG, "audio/mp4", M4A.index(b"mdat") - 4),
        (FTYP + box(b"mdat", LONG) + movie(track()), "audio/mp4", -1),  # its index is at the end
        (webm(), "audio/webm", webm().index(b"\x1f\x43\xb6\x75")),
        (MP3_FRAME[:9] + NO_MATCH * 8 + MP3_FRAME * 9, None, 65_536 + 7),
    ],
)
def test_answer_is_given_as_soon_as_it_is_certain(
    head: bytes, media_type: str | None, bytes_needed: int
) -> None:
    needed = len(head) if bytes_needed < 0 else bytes_needed
    assert early_audio_type(head[: needed - 1]) is UNDECIDED
    assert early_audio_type(head[:needed]) == media_type


def test_head_is_read_no_further_than_needed() -> None:
    body = io.BytesIO()
    chunks = iter([MP3_FRAME[:100], MP3_FRAME[100:], MP3_FRAME, MP3_FRAME])
    assert read_head(chunks, body) == "audio/mpeg"
    assert body.getvalue() == MP3_FRAME * 2
    assert next(chunks) == MP3_FRAME


def test_large_tag_is_copied_while_its_end_is_awaited() -> None:
    tag, body = id3(300_000), io.BytesIO()
    content = tag + flac(3)
    chunks = iter([content[n : n + 65_536] for n in range(0, len(content), 65_536)])
    assert read_head(chunks, body) == "audio/flac"
    assert body.getvalue() == content


def test_short_audio_is_judged_by_all_its_bytes() -> None:
    assert read_head(iter([id3(10), MP3_FRAME[:100]]), io.BytesIO()) == "audio/mpeg"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "origin_empty"),
        (bytes(100), "origin_not_audio"),
        (b"not found", "origin_text"),
        ("Datei nicht gefunden: Ärger".encode("latin-1"), "origin_text"),
        ("not found".encode("utf-16"), "origin_text"),
        (b'{"error": "not found"}', "origin_text"),
        (b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", "origin_text"),
        (b"<?xml version='1.0'?>\n<rss version='2.0'>", "origin_text"),
        (b"<!DOCTYPE html>", "origin_web_page"),
        (b"\xef\xbb\xbf \n<HTML lang='en'>", "origin_web_page"),
        (b"<?xml version='1.0'?>\n<!-- a -->\n<html xmlns=''>", "origin_web_page"),
        (b"<!-- a <b> -->\n\n<p>Log in", "origin_web_page"),
        (b"<h1>404</h1>", "origin_web_page"),
        (b"<meta charset=utf-8>", "origin_web_page"),
        (b"#EXTM3U\n#EXTINF:1\na.mp3", "origin_playlist"),
        (b"[playlist]\nFile1=http://a/", "origin_playlist"),
        (b"http://radio.example/stream\n", "origin_playlist"),
        (b"<?xml version='1.0'?><playlist version='1'>", "origin_playlist"),
        (b"<?xml version='1.0'?><MPD xmlns=''>", "origin_playlist"),
        (b"<asx version='3'>", "origin_playlist"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "origin_image"),
        (b"\xff\xd8\xff\xe0" + bytes(20), "origin_image"),
        (b"<?xml version='1.0'?><svg xmlns=''>", "origin_image"),
        (b"%PDF-1.7\n" + bytes(20), "origin_document"),
        (b"PK\x03\x04" + bytes(20), "origin_archive"),
        (b"\x1f\x8b\x08" + bytes(20), "origin_archive"),
        (FTYP + box(b"mdat", LONG) + movie(track(b"vide", b"avc1")), "origin_video"),
        (MP2_FRAME * 9, "origin_codec"),
    ],
)
def test_other_content_is_refused_with_a_code_and_an_explanation(content: bytes, code: str) -> None:
    with pytest.raises(AudioUnavailableError, match=code) as refusal:
        read_head(iter([content[:100], content[100:]]), io.BytesIO())
    explained = refusal.value.explanation
    assert (explained or "").startswith("" if code == "origin_empty" else "This ")


def test_number_of_attempts_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of many small parts does not cost an attempt for each of them."""
    attempts = []

    def count(reader: Reader) -> Audio | Refusal:
        attempts.append(reader.size)
        return recognize(reader)

    monkeypatch.setattr(sniff, "recognize", count)
    with pytest.raises(AudioUnavailableError, match="origin_not_audio"):
        read_head(iter([FTYP, *[box(b"free")] * 9000]), io.BytesIO())
    assert len(attempts) < 40
