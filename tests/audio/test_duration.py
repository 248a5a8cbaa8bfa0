"""Measuring durations, also of hostile files."""

import io
import shutil
import struct
import subprocess
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.audio import duration
from library.audio.duration import duration_of

SECONDS = 3.5
# Options for ffmpeg, which encodes a rising tone: variable bit rates give frames of all sizes.
FILES = {
    "counted.mp3": "-q:a 4 -metadata title=Tagged",
    "varying.mp3": "-q:a 4 -write_xing 0",
    "constant.mp3": "-b:a 64k -write_xing 0",
    "low.mp3": "-ar 22050 -b:a 32k -write_xing 0",
    "layer2.mp2": "",
    "vorbis.ogg": "-c:a libvorbis",
    "opus.ogg": "-c:a libopus",
    "flac.ogg": "-c:a flac",
    "index-last.m4a": "",
    "index-first.m4a": "-movflags +faststart",
    "plain.wav": "",
    "large.wav": "-rf64 always",
    "plain.flac": "",
    "plain.aac": "",
    "opus.webm": "-c:a libopus",
    "vorbis.webm": "-c:a libvorbis",
}
WITHOUT_DURATION = {"adpcm.wav": "-c:a adpcm_ima_wav", "recorded.webm": "-c:a libopus -live 1"}

needs_ffmpeg = pytest.mark.skipif(
    not shutil.which("ffmpeg"), reason="needs ffmpeg: make system-tools"
)


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all files, encoded by one run of ffmpeg."""
    folder = tmp_path_factory.mktemp("encoded")
    command = f"ffmpeg -loglevel error -f lavfi -i aevalsrc=sin(440*PI*t*t):d={SECONDS}:s=44100"
    for name, options in (FILES | WITHOUT_DURATION).items():
        command += f" {options} {name}"
    subprocess.run(command.split(), cwd=folder, check=True)
    return folder


@needs_ffmpeg
@pytest.mark.parametrize("name", FILES)
def test_duration_is_measured(encoded: Path, name: str) -> None:
    # Some decoders omit the 50 ms that an encoder adds, others do not.
    assert duration_of(encoded / name) == pytest.approx(SECONDS, abs=0.06)


@needs_ffmpeg
@pytest.mark.parametrize("name", WITHOUT_DURATION)
def test_file_without_duration_has_none(encoded: Path, name: str) -> None:
    assert duration_of(encoded / name) is None


def test_open_file_is_rewound(mp3: bytes) -> None:
    file = io.BytesIO(mp3)
    file.seek(1000)
    assert duration_of(file) == pytest.approx(28.5)
    assert file.tell() == 0


def atom(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


WEBM = b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm"
M4A = atom(b"ftyp", b"M4A \0\0\0\0")
nested = b""
for _ in range(5000):
    nested = atom(b"moov", nested)


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"<html>not audio</html>",
        M4A + nested,
        M4A + struct.pack(">I4sQ", 1, b"moov", 2**63),
        b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff" + b"\0" * 100,
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0" + b"\0" * 14 + b"data\4\0\0\0" + b"\0" * 4,
        b"fLaC\0\0\0\x22" + b"\0" * 11 + b"\x10\x0f\xff" + b"\xff" * 20,  # two thousand years
        b"fLaC\0\0\0\x22" + b"\0" * 34,
        WEBM + b"\xff" * 50,
        WEBM + b"\x18\x53\x80\x67\x8c\x15\x49\xa9\x66\x87\x44\x89\x84\x7f\xc0\0\0",  # not a number
    ],
    ids=range(10),
)
def test_hostile_file_has_no_duration(hostile: bytes) -> None:
    assert duration_of(io.BytesIO(hostile)) is None


def test_file_with_too_many_parts_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duration, "MOST_STEPS", 1000)
    parts = io.BytesIO(M4A + atom(b"free", b"") * 1_000_000)
    assert duration_of(parts) is None


def test_compressed_tag_is_not_unpacked(mp3: bytes) -> None:
    large = 30_000_000
    bomb = zlib.compress(bytes(large))
    frame = b"APIC" + _synchsafe(len(bomb) + 4) + b"\0\x09" + _synchsafe(large) + bomb
    file = io.BytesIO(b"ID3\4\0\0" + _synchsafe(len(frame)) + frame + mp3[mp3.index(b"\xff\xfb") :])
    tracemalloc.start()
    assert duration_of(file) == pytest.approx(28.5, abs=0.1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < large / 10


def _synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


@given(
    st.sampled_from(
        [b"\xff\xfb\x90\0", b"OggS", b"fLaC", b"RIFFxxxxWAVE", M4A, b"ID3\4\0\0\0\0\0\0"]
    ),
    st.binary(max_size=400),
)
def test_any_bytes_give_a_duration_or_none(signature: bytes, rest: bytes) -> None:
    seconds = duration_of(io.BytesIO(signature + rest))
    assert seconds is None or seconds > 0
