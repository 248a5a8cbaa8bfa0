"""Measuring durations, also of truncated files and of files whose headers are wrong."""

import io
import shutil
import struct
import subprocess
import tracemalloc
import zlib
from pathlib import Path

import pytest

from library.audio import duration
from library.audio.containers.results import Measurement
from library.audio.duration import duration_of, measure, truncation
from tests.support.sounds import (
    ADTS_FRAME,
    ADTS_SECONDS,
    FTYP,
    MP3_FRAME,
    MP3_SECONDS,
    OGG_FLAC_HEAD,
    RATE,
    SKELETON_HEAD,
    UNKNOWN,
    VORBIS_HEAD,
    ape,
    box,
    chunk,
    element,
    flac,
    fragment,
    id3,
    movie,
    mp4,
    ogg,
    page,
    track,
    wav,
    webm,
    xing,
)

SECONDS = 3.5
# Options for ffmpeg, which encodes a rising tone: variable bit rates give frames of all sizes.
FILES = {
    "counted.mp3": "-q:a 4 -metadata title=Tagged",
    "varying.mp3": "-q:a 4 -write_xing 0",
    "constant.mp3": "-b:a 64k -write_xing 0",
    "low.mp3": "-ar 22050 -b:a 32k -write_xing 0",
    "vorbis.ogg": "-c:a libvorbis",
    "opus.ogg": "-c:a libopus",
    "flac.ogg": "-c:a flac",
    "index-last.m4a": "",
    "index-first.m4a": "-movflags +faststart",
    "fragments.mp4": "-c:a aac -movflags frag_keyframe+empty_moov -frag_duration 500000",
    "phone.3gp": "-c:a aac",
    "quicktime.mov": "-c:a aac",
    "opus.mp4": "-c:a libopus -strict -2",
    "plain.wav": "",
    "large.wav": "-rf64 always",
    "mp3.wav": "-c:a libmp3lame",
    "plain.flac": "",
    "plain.aac": "",
    "opus.webm": "-c:a libopus",
    "vorbis.webm": "-c:a libvorbis",
    "recorded.webm": "-c:a libopus -live 1",
    "recorded-vorbis.webm": "-c:a libvorbis -f webm -live 1",
}
CODECS_THAT_BROWSERS_DO_NOT_PLAY = {"adpcm.wav": "-c:a adpcm_ima_wav", "layer2.mp2": ""}

needs_ffmpeg = pytest.mark.skipif(
    not shutil.which("ffmpeg"), reason="needs ffmpeg: make system-tools"
)


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all files, encoded by one run of ffmpeg."""
    folder = tmp_path_factory.mktemp("encoded")
    command = f"ffmpeg -loglevel error -f lavfi -i aevalsrc=sin(440*PI*t*t):d={SECONDS}:s=44100"
    for name, options in (FILES | CODECS_THAT_BROWSERS_DO_NOT_PLAY).items():
        command += f" {options} {name}"
    subprocess.run(command.split(), cwd=folder, check=True)
    return folder


@needs_ffmpeg
@pytest.mark.parametrize("name", FILES)
def test_duration_of_encoded_audio_is_measured(encoded: Path, name: str) -> None:
    # Some decoders omit the 50 ms that an encoder adds, others do not.
    found = measure(encoded / name)
    assert found is not None
    assert found.seconds == pytest.approx(SECONDS, abs=0.06)
    assert not found.truncated


@needs_ffmpeg
@pytest.mark.parametrize("name", sorted(FILES.keys() - {"vorbis.ogg"}))  # a single page
def test_second_half_of_encoded_audio_is_missed(encoded: Path, name: str) -> None:
    """Wherever the index is not at the end, half of the bytes give about half of the duration."""
    content = (encoded / name).read_bytes()
    if name in ("index-last.m4a", "phone.3gp", "quicktime.mov", "opus.mp4"):
        assert measure(io.BytesIO(content[: len(content) // 2])) is None
        return
    found = measure(io.BytesIO(content[: len(content) // 2]))
    assert found is not None
    assert 0.1 * SECONDS < found.seconds < 0.8 * SECONDS


@needs_ffmpeg
@pytest.mark.parametrize("name", CODECS_THAT_BROWSERS_DO_NOT_PLAY)
def test_audio_that_is_refused_is_not_measured(encoded: Path, name: str) -> None:
    assert duration_of(encoded / name) is None


MP3 = MP3_FRAME * 100
SOUND = track(samples=100, sample_bytes=10, offset=0)
LATER = track(samples=100, sample_bytes=10, offset=len(FTYP + movie(SOUND)) + 8)
EMPTY = track(samples=0)
PROMISE = box(b"mvex", box(b"mehd", bytes(4), (40_000).to_bytes(4)))
RECORDED = {  # files whose header declares no duration
    "MP3": (MP3, 100 * MP3_SECONDS),
    "MP3 with the header of an encoder": (xing(0) + MP3, 100 * MP3_SECONDS),
    "MP3 behind tags and junk": (
        id3(9000) + b"junk" * 100 + MP3 + b"TAG".ljust(128, b"x"),
        100 * MP3_SECONDS,
    ),
    "MP3 with a tag in the middle": (MP3 + id3(9000) + MP3, 200 * MP3_SECONDS),
    "MP3 with damage in the middle": (MP3 + b"\xff\0damage" * 99 + MP3, 200 * MP3_SECONDS),
    "MP3 with a tag at the end": (MP3 + ape(20_000), 100 * MP3_SECONDS),
    "MP3 whose last frame is cut": (MP3[:-9], 99 * MP3_SECONDS),
    "AAC": (ADTS_FRAME * 500, 500 * ADTS_SECONDS),
    "FLAC": (flac(50, total=0), 50 * 4096 / RATE),
    "FLAC behind a tag": (id3(9000) + flac(50, total=0), 50 * 4096 / RATE),
    "FLAC cut from a longer stream": (flac(50, total=0, first=300), 50 * 4096 / RATE),
    "WAV": (wav(bytes(8000), declared=0), 1.0),
    "WAV of a live recorder": (wav(bytes(8000), declared=0xFFFFFFFF), 1.0),
    "WAV whose size is nearly the largest": (wav(bytes(8000), declared=0x7FFFFFDB), 1.0),
    "WAV of MP3": (wav(MP3, coding=0x55, bits=0), 100 * MP3_SECONDS),
    "Opus": (ogg(), 1.0),
    "Opus that begins at a high position": (ogg(begin=10**9, last=10**9 + 96_000), 1.0),
    "Vorbis": (ogg(VORBIS_HEAD, last=2 * RATE), 2.0),
    "FLAC in Ogg": (ogg(OGG_FLAC_HEAD, last=2 * RATE), 2.0),
    "Ogg behind a skeleton": (page(SKELETON_HEAD, flags=2, serial=1) + ogg(), 1.0),
    "Ogg with a page of damage": (ogg() + b"damage" + ogg()[-328:], 1.0),
    "a chain": (ogg() + ogg(VORBIS_HEAD, last=RATE, serial=9) + ogg(), 3.0),
    "a second sound": (page(VORBIS_HEAD, flags=2, serial=1) + ogg(serial=1, last=RATE), 1.0),
    "fragments": (mp4(EMPTY, data=b"") + fragment(50) * 4, 200 * 1024 / RATE),
    "fragments of two tracks": (
        FTYP
        + movie(EMPTY, track(b"sbtl", b"tx3g", samples=0, identifier=2))
        + fragment(50)
        + fragment(7, identifier=2)
        + fragment(50),
        100 * 1024 / RATE,
    ),
    "WebM": (webm(), 1.0),
    "recorded WebM": (webm(live=True), 1.0),
}
DECLARED = {  # files whose header is wrong, the duration that is there and the declared one
    "MP3 that is truncated": (xing(1000) + MP3, 100 * MP3_SECONDS, 1000 * MP3_SECONDS),
    "MP3 that goes on": (xing(10) + MP3, 100 * MP3_SECONDS, 10 * MP3_SECONDS),
    "FLAC that is truncated": (flac(50, total=10**6), 50 * 4096 / RATE, 10**6 / RATE),
    "FLAC that goes on": (flac(50, total=9000), 50 * 4096 / RATE, 9000 / RATE),
    "WAV that is truncated": (wav(bytes(8000), declared=80_000), 1.0, 10.0),
    "RF64 that is truncated": (wav(bytes(8000), declared=0xFFFFFFFF, ds64=80_000), 1.0, 10.0),
    "MP4 that is truncated": (
        (FTYP + movie(LATER) + box(b"mdat", bytes(1000)))[:-500],
        50 * 1024 / RATE,
        100 * 1024 / RATE,
    ),
    "MP4 whose header is wrong": (
        mp4(track(declared=999_999)),
        100 * 1024 / RATE,
        999_999 / RATE,
    ),
    "fragments that are truncated": (
        FTYP + movie(EMPTY, more=PROMISE) + fragment(50),
        50 * 1024 / RATE,
        40.0,
    ),
    "a fragment that is cut": (
        (FTYP + movie(EMPTY, more=PROMISE) + fragment(50) * 2)[:-50],
        75 * 1024 / RATE,
        40.0,
    ),
    "WebM that is truncated": (webm(declared=40.0), 1.0, 40.0),
    "WebM that goes on": (webm(declared=0.2), 1.0, 0.2),
}


@pytest.mark.parametrize("name", RECORDED)
def test_duration_is_measured_if_the_header_has_none(name: str) -> None:
    content, seconds = RECORDED[name]
    found = measure(io.BytesIO(content))
    assert found is not None
    assert found.seconds == pytest.approx(seconds, abs=0.002)
    assert (found.declared, truncation(found)) == (None, None)


@pytest.mark.parametrize("name", DECLARED)
def test_duration_is_what_the_file_has_if_the_header_is_wrong(name: str) -> None:
    content, seconds, declared = DECLARED[name]
    found = measure(io.BytesIO(content))
    assert found is not None
    assert found.seconds == pytest.approx(seconds, abs=0.002)
    assert found.declared == pytest.approx(declared, abs=0.002)
    assert found.truncated == (declared > seconds)


@pytest.mark.parametrize(
    "content",
    [
        xing(100) + MP3,
        flac(50),
        flac(50, total=50 * 4096 - 1000),
        wav(bytes(8000)),
        mp4(track()),
        webm(declared=1.0),
        webm(declared=0.99),
    ],
    ids=range(7),
)
def test_whole_file_is_not_truncated(content: bytes) -> None:
    found = measure(io.BytesIO(content))
    assert found is not None
    assert found.declared == pytest.approx(found.seconds, abs=0.002)
    assert truncation(found) is None


def test_encoders_delay_is_not_heard(mp3: bytes) -> None:
    assert duration_of(io.BytesIO(mp3)) == pytest.approx(28.5)


def test_edits_of_mp4_are_applied() -> None:
    edits = box(b"elst", bytes(4), (1).to_bytes(4), (2000).to_bytes(4), bytes(8))
    content = mp4(track(edits=box(b"edts", edits)))
    assert duration_of(io.BytesIO(content)) == pytest.approx(2.0)


def test_truncation_is_explained_in_a_sentence() -> None:
    assert truncation(Measurement(4.0, 40.0)) == (
        "This file is truncated: its header says 40.0 s, but it has only 4.0 s."
    )
    assert truncation(Measurement(4.0, cut=True)) == (
        "This file is truncated: it ends after 4.0 s in mid-sound."
    )
    assert truncation(Measurement(39.9, 40.0)) is None


def test_open_file_is_rewound(mp3: bytes) -> None:
    file = io.BytesIO(mp3)
    file.seek(1000)
    assert duration_of(file) == pytest.approx(28.5)
    assert file.tell() == 0


nested = b""
for _ in range(5000):
    nested = box(b"moov", nested)


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"<html>not audio</html>",
        FTYP + nested,
        FTYP + b"\0\0\0\1moov" + (2**63).to_bytes(8),
        mp4(track(scale=0)),
        mp4(track(offset=9_000_000)),  # its samples are not in the file
        mp4(track(samples=0, declared=9_000)),
        flac(0, total=9_000),
        b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff" + b"\0" * 100,
        b"RIFF\0\0\0\0WAVE" + chunk(b"fmt ", b"\1\0" + bytes(14)) + chunk(b"data", bytes(4)),
        b"fLaC\0\0\0\x22" + b"\0" * 11 + b"\x10\x0f\xff" + b"\xff" * 20,  # two thousand years
        b"fLaC\0\0\0\x22" + b"\0" * 34,
        webm(declared=float("nan"), blocks=0),
        webm()[:60] + b"\xff" * 50,
        ogg(VORBIS_HEAD.replace(RATE.to_bytes(4, "little"), bytes(4))),
        xing(100) + MP3_FRAME[:100],
    ],
    ids=range(16),
)
def test_hostile_file_has_no_duration(hostile: bytes) -> None:
    assert measure(io.BytesIO(hostile)) is None


NUMBERS = (0, 1, 2**31 - 1, 2**32 - 1)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("in_chunk", NUMBERS)
@pytest.mark.parametrize("size", NUMBERS)
def test_numbers_of_samples_are_not_believed(in_chunk: int, size: int) -> None:
    """The tables can declare more samples than have sizes or fit into the file."""
    content = mp4(track(samples=100))
    for table, false in (
        (struct.pack(">IIII", 1, 1, 100, 1), struct.pack(">IIII", 1, 1, in_chunk, 1)),
        (struct.pack(">II", 10, 100), struct.pack(">II", size, 0)),
        (struct.pack(">II", 100, 1024), struct.pack(">II", 2**32 - 1, 1024)),
    ):
        assert content.count(table) == 1
        content = content.replace(table, false)
    present = min(in_chunk, len(content)) if size == 1 else 0
    assert duration_of(io.BytesIO(content)) == (
        pytest.approx(present * 1024 / RATE, abs=0.001) if present else None
    )


BOMBS = {
    "boxes": FTYP + box(b"free") * 1000,
    "chunks": b"RIFF\0\0\0\0WAVE" + chunk(b"JUNK", b"") * 1000,
    "pages": page(b"OpusHead", flags=2) + page(b"") * 1000,
    "elements": webm(live=True) + element(0xEC) * 1000,
    "clusters": webm(live=True) + element(0x1F43B675, size=UNKNOWN) * 1000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_file_with_too_many_parts_is_given_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duration, "MOST_READS", 500)
    assert measure(io.BytesIO(BOMBS[name])) is None


def test_duration_of_very_many_frames_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duration, "MOST_READS", 60)
    assert duration_of(io.BytesIO(MP3)) == pytest.approx(100 * MP3_SECONDS, abs=0.001)


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
