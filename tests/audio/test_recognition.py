"""Recognizing audio by its bytes: tags, junk, tracks, codecs, and everything that is not audio."""

import random
import struct
from contextlib import suppress

import pytest

from library.audio.containers.reader import MissingBytesError, Reader
from library.audio.containers.results import Audio, Refusal
from library.audio.recognition import recognize
from tests.support.sounds import (
    ADTS_FRAME,
    FTYP,
    MP1_FRAME,
    MP2_FRAME,
    MP3_FRAME,
    OGG_FLAC_HEAD,
    OPUS_HEAD,
    SKELETON_HEAD,
    SPEEX_HEAD,
    THEORA_HEAD,
    VORBIS_HEAD,
    ape,
    box,
    chunk,
    element,
    esds,
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
    webm_track,
)

MP3, AAC = MP3_FRAME * 20, ADTS_FRAME * 600
PICTURE_TAG = id3(100_000, b"\xaa")
SOUND, FILM = track(), track(b"vide", b"avc1")
MEDIA = box(b"mdat", bytes(30_000))
NOISE = random.Random(1).randbytes(60_000)
KEYED = [page(SKELETON_HEAD, flags=2, serial=1), page(OPUS_HEAD, flags=2), page(b"", serial=1)]

AUDIO = {
    "MP3": (MP3, "audio/mpeg"),
    "AAC": (AAC, "audio/aac"),
    "MP3 behind a tag": (id3(300) + MP3, "audio/mpeg"),
    "MP3 behind a large tag": (PICTURE_TAG + MP3, "audio/mpeg"),
    "MP3 behind three tags": (id3(9) + PICTURE_TAG + ape(40) + MP3, "audio/mpeg"),
    "MP3 behind a tag with a footer": (id3(9, footer=True) + MP3, "audio/mpeg"),
    "MP3 behind a tag and padding": (id3(9) + bytes(3000) + MP3, "audio/mpeg"),
    "MP3 behind a tag that is longer than the file": (
        id3(50, declared=9_000_000) + MP3,
        "audio/mpeg",
    ),
    "MP3 behind a tag that is longer than it is": (id3(50, declared=1000) + MP3, "audio/mpeg"),
    "MP3 behind an invalid tag": (b"ID3\4\0\0\xff\xff\xff\xff" + MP3, "audio/mpeg"),
    "FLAC behind a tag": (PICTURE_TAG + flac(3), "audio/flac"),
    "AAC behind a tag": (PICTURE_TAG + AAC, "audio/aac"),
    "WAV behind a tag": (PICTURE_TAG + wav(bytes(100)), "audio/wav"),
    "Ogg behind a tag": (id3(30) + ogg(), "audio/ogg"),
    "FLAC behind an APE tag": (ape(9000) + flac(3), "audio/flac"),
    "MP3 behind junk": (b"\0\1garbage!" * 100 + MP3, "audio/mpeg"),
    "MP3 behind noise": (NOISE + MP3, "audio/mpeg"),
    "MP3 behind zeros": (bytes(1152) + MP3, "audio/mpeg"),
    "MP3 behind many zeros": (bytes(500_000) + MP3, "audio/mpeg"),
    "MP3 whose first frame is cut": (MP3_FRAME[100:] + MP3, "audio/mpeg"),
    "MP3 whose first frame is short": (MP3_FRAME[:300] + MP3, "audio/mpeg"),
    "AAC behind junk": (b"\0\1garbage!" * 9 + AAC, "audio/aac"),
    "FLAC": (flac(3), "audio/flac"),
    "WAV": (wav(bytes(100)), "audio/wav"),
    "WAV of 24 bits": (wav(bytes(99), bits=24), "audio/wav"),
    "WAV of floats": (wav(bytes(100), coding=3, bits=32), "audio/wav"),
    "WAV in A-law": (wav(bytes(100), coding=6), "audio/wav"),
    "WAV in mu-law": (wav(bytes(100), coding=7), "audio/wav"),
    "WAV of MP3": (wav(MP3, coding=0x55, bits=0), "audio/wav"),
    "RF64": (wav(bytes(100), declared=0xFFFFFFFF, ds64=100), "audio/wav"),
    "BW64": (b"BW64" + wav(bytes(100))[4:], "audio/wav"),
    "WAV with a chunk in front": (
        b"RIFF\0\0\0\0WAVE" + chunk(b"bext", bytes(603)) + wav(bytes(100))[12:],
        "audio/wav",
    ),
    "Opus": (ogg(OPUS_HEAD), "audio/ogg"),
    "Vorbis": (ogg(VORBIS_HEAD), "audio/ogg"),
    "FLAC in Ogg": (ogg(OGG_FLAC_HEAD), "audio/ogg"),
    "Ogg behind a skeleton": (b"".join(KEYED) + ogg()[len(page(OPUS_HEAD)) :], "audio/ogg"),
    "Ogg with text": (page(b"\x80kate\0\0", flags=2, serial=2) + ogg(), "audio/ogg"),
    "M4A": (mp4(SOUND), "audio/mp4"),
    "M4A with its index at the end": (FTYP + MEDIA + movie(SOUND), "audio/mp4"),
    "M4A without a brand": (mp4(SOUND)[16:], "audio/mp4"),
    "media in front of the brand": (MEDIA + mp4(SOUND), "audio/mp4"),
    "free space in front": (box(b"free", bytes(9)) + box(b"wide") + mp4(SOUND), "audio/mp4"),
    "fragments": (mp4(track(samples=0)) + fragment(9), "audio/mp4"),
    "M4A with text": (mp4(SOUND, track(b"text", b"text")), "audio/mp4"),
    "M4A with subtitles": (mp4(track(b"sbtl", b"tx3g"), SOUND), "audio/mp4"),
    "M4A with a cover": (mp4(SOUND, track(b"vide", b"jpeg", samples=1)), "audio/mp4"),
    "M4A with pictures of chapters": (
        mp4(SOUND, track(b"vide", b"jpeg", samples=20, each=600 * 30, scale=600)),
        "audio/mp4",
    ),
    "M4A with a JPEG each second": (
        mp4(SOUND, track(b"vide", b"mp4v", entry=esds(0x6C), samples=20, each=1, scale=1)),
        "audio/mp4",
    ),
    "M4A with a PNG of FFmpeg": (
        mp4(track(b"vide", b"mp4v", entry=esds(0x6D), samples=1), SOUND),
        "audio/mp4",
    ),
    "MP3 in MP4": (mp4(track(entry=esds(0x6B))), "audio/mp4"),
    "HE-AAC": (mp4(track(entry=esds(0x40, 5))), "audio/mp4"),
    "AAC of QuickTime": (mp4(track(entry=box(b"wave", esds()))), "audio/mp4"),
    "FLAC in MP4": (mp4(track(codec=b"fLaC")), "audio/mp4"),
    "Opus in MP4": (mp4(track(codec=b"Opus")), "audio/mp4"),
    "a box with a long size": (
        struct.pack(">I4sQ", 1, b"mdat", 16 + 50) + bytes(50) + mp4(SOUND),
        "audio/mp4",
    ),
    **{
        f"AAC of brand {brand.decode()}": (mp4(SOUND, brand=brand), "audio/mp4")
        for brand in (b"3gp4", b"3g2a", b"isom", b"mp42", b"M4B ", b"dash", b"qt  ", b"M4V ")
    },
    "WebM": (webm(), "audio/webm"),
    "WebM of Vorbis": (webm(webm_track(codec=b"A_VORBIS")), "audio/webm"),
    "recorded WebM": (webm(live=True), "audio/webm"),
    "WebM with subtitles": (webm(webm_track(), webm_track(17, b"S_TEXT")), "audio/webm"),
}
AVI = b"RIFF\0\0\0\0AVI LIST\0\0\0\0hdrlavih" + bytes(64) + b"strlstrh\x38\0\0\0"
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
VIDEO = {
    "MP4": mp4(FILM),
    "MP4 whose sound is first": mp4(SOUND, FILM),
    "MP4 with its index at the end": FTYP + MEDIA + movie(SOUND, FILM),
    "MP4 of the brand of M4A": mp4(SOUND, FILM, brand=b"M4A "),
    "3GP": mp4(FILM, SOUND, brand=b"3gp4"),
    "QuickTime": mp4(FILM, brand=b"qt  "),
    "fragments": mp4(track(samples=0), track(b"vide", b"avc1", samples=0)) + fragment(9),
    "a film of pictures": mp4(track(b"vide", b"jpeg", samples=90, each=1, scale=30), SOUND),
    "a film of JPEG": mp4(
        track(b"vide", b"mp4v", entry=esds(0x6C), samples=90, each=1, scale=30), SOUND
    ),
    "fragments of JPEG": mp4(track(), track(b"vide", b"mp4v", entry=esds(0x6C), samples=0))
    + fragment(9),
    "fragments of pictures": mp4(track(), track(b"vide", b"jpeg", samples=0)) + fragment(9),
    "WebM": webm(webm_track(1, b"V_VP9"), webm_track()),
    "WebM whose sound is first": webm(webm_track(), webm_track(1, b"V_AV1")),
    "Matroska": webm(webm_track(1, b"V_MPEG4/ISO/AVC"), webm_track(), document=b"matroska"),
    "Theora": page(THEORA_HEAD, flags=2, serial=3) + ogg(VORBIS_HEAD),
    "VP8 in Ogg": page(OPUS_HEAD, flags=2) + page(b"OVP80\1", flags=2, serial=2) + ogg(),
    "Theora behind a skeleton": KEYED[0] + KEYED[1] + page(THEORA_HEAD, flags=2, serial=3),
    "AVI": AVI + b"vidsXVID" + bytes(200),
    "FLV": b"FLV\x01\x05\0\0\0\x09" + bytes(99),
    "Windows Media": ASF + bytes(99) + bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b"),
    "an MPEG program stream": b"\0\0\1\xba" + bytes(99) + b"\0\0\1\xe0" + bytes(99),
    "an MPEG video stream": b"\0\0\1\xb3" + bytes(99),
}
CODECS = {
    "MP2": (MP2_FRAME * 9, "MP2 (MPEG layer II)"),
    "MP2 behind a tag": (id3(20_000) + MP2_FRAME * 9, "MP2"),
    "MP1": (MP1_FRAME * 9, "MP1 (MPEG layer I)"),
    "ALAC": (mp4(track(codec=b"alac")), "ALAC (Apple Lossless)"),
    "AMR in 3GP": (mp4(track(codec=b"samr"), brand=b"3gp4"), "AMR"),
    "AC-3 in MP4": (mp4(track(codec=b"ac-3")), "AC-3"),
    "AC-3 as an object type": (mp4(track(entry=esds(0xA5))), "AC-3"),
    "E-AC-3 in MP4": (mp4(track(codec=b"ec-3")), "E-AC-3"),
    "DTS in MP4": (mp4(track(codec=b"dtsc")), "DTS"),
    "xHE-AAC": (mp4(track(entry=esds(0x40, 42))), "xHE-AAC"),
    "an unknown codec": (mp4(track(codec=b"zzzz")), "zzzz"),
    "protected": (mp4(track(codec=b"drms")), "copy-protected"),
    "Speex": (ogg(SPEEX_HEAD), "Speex"),
    "OggPCM": (ogg(b"PCM     " + bytes(20)), "OggPCM"),
    "ADPCM": (wav(bytes(99), coding=0x11, bits=4), "ADPCM"),
    "GSM": (wav(bytes(99), coding=0x31, bits=0), "GSM"),
    "MP2 in WAV": (wav(bytes(99), coding=0x50, bits=0), "MP2"),
    "64-bit WAV": (wav(bytes(99), coding=3, bits=64), "64-bit WAV"),
    "12-bit WAV": (wav(bytes(99), bits=12), "12-bit WAV"),
    "an unknown format of WAV": (wav(bytes(99), coding=0x7777), "0x7777"),
    "AAC in WebM": (webm(webm_track(codec=b"A_AAC")), "AAC"),
    "AIFF": (b"FORM\0\0\0\0AIFF" + bytes(99), "AIFF"),
    "AIFF-C": (b"FORM\0\0\0\0AIFC" + bytes(99), "AIFF"),
    "AC-3": (b"\x0b\x77\0\0\x14\x40\x43" + bytes(99), "AC-3"),
    "DTS": (b"\x7f\xfe\x80\x01" + bytes(99), "DTS"),
    "AMR": (b"#!AMR\n" + bytes(99), "AMR"),
    "Monkey's Audio": (b"MAC \x96\x0f\0\0" + bytes(99), "Monkey"),
    "Monkey's Audio behind a tag": (id3(99) + b"MAC \x96\x0f\0\0" + bytes(99), "Monkey"),
    "WavPack": (b"wvpk" + bytes(99), "WavPack"),
    "DSF": (b"DSD \x1c" + bytes(99), "DSD"),
    "DSDIFF": (b"FRM8" + bytes(8) + b"DSD FVER" + bytes(99), "DSD"),
    "TTA": (b"TTA1" + bytes(99), "TTA"),
    "Musepack": (b"MPCKSH" + bytes(99), "Musepack"),
    "WMA": (ASF + bytes(99), "Windows Media"),
    "FLV of sound": (b"FLV\x01\x04\0\0\0\x09" + bytes(99), "Flash Video"),
    "AVI of sound": (AVI + b"auds" + bytes(200), "AVI"),
    "a transport stream": ((b"G" + bytes(187)) * 6, "transport stream"),
}
OTHERS = {
    "nothing": (b"", "is empty"),
    "a tag alone": (id3(99), "ends in its tag"),
    "HTML": (b"\n<!DOCTYPE html><html>" + MP3, "web page"),
    "HTML behind a comment": (b"<!-- x --><html><body>", "web page"),
    "JSON": (b'{"error": "not found"}', "is text"),
    "PDF": (b"%PDF-1.7 " + MP3, "PDF"),
    "PNG": (b"\x89PNG\r\n\x1a\n" + bytes(50), "PNG"),
    "JPEG": (b"\xff\xd8\xff\xe0\0\x10JFIF" + b"\xff\xfb\x90\x64" * 999, "JPEG"),
    "a ZIP with an MP3": (b"PK\3\4" + bytes(40) + MP3, "archive"),
    "a tar with an MP3": (b"a.mp3".ljust(257, b"\0") + b"ustar" + bytes(250) + MP3, "archive"),
    "a program": (b"MZ\x90\0" + bytes(99) + MP3, "program"),
    "AVIF": (box(b"ftyp", b"avif") + bytes(99), "image"),
    "HEIC": (box(b"ftyp", b"heic") + bytes(99), "image"),
    "MP4 without an index": (FTYP + MEDIA, "incomplete"),
    "MP4 cut in its media": (mp4(SOUND)[:16] + MEDIA[:900], "incomplete"),
    "MP4 cut in its index": (mp4(SOUND)[:300], "incomplete"),
    "MP4 without tracks": (mp4(), "no audio track"),
    "MP4 of text": (mp4(track(b"text", b"text")), "no audio track"),
    "WebM without tracks": (webm()[:24], "incomplete"),
    "Matroska of sound": (webm(document=b"matroska"), "Matroska"),
    "Ogg of text": (ogg(b"\x80kate\0\0\0"), "no audio track"),
    "WAV without a format": (b"RIFF\0\0\0\0WAVE" + chunk(b"data", bytes(9)), "no audio track"),
    "one frame": (MP3_FRAME + bytes(8000), "not supported audio"),
    "three frames behind junk": (b"\1\2\3" + MP3_FRAME * 3 + bytes(8000), "not supported audio"),
    "frames of different rates": (
        (MP3_FRAME + b"\xff\xfb\x94\x64" + bytes(380)) * 9,
        "not supported audio",
    ),
    "ones": (b"\xff" * 80_000, "not supported audio"),
    "zeros": (bytes(80_000), "not supported audio"),
    "FLAC behind zeros": (bytes(4000) + flac(3), "not supported audio"),
    "WAV behind zeros": (bytes(500) + wav(bytes(100)), "not supported audio"),
    "UTF-16": ("no MP3".encode("utf-16") * 99, "is text"),
    "noise": (NOISE, "not supported audio"),
    "MP3 far behind noise": (NOISE * 2 + MP3, "not supported audio"),
    "an unknown document": (element(0x1A45DFA3, element(0x4282, b"x")) + bytes(99), "incomplete"),
}
REASONS = {
    "web page": "web_page",
    "is text": "text",
    "PDF": "document",
    "PNG": "image",
    "JPEG": "image",
    "image": "image",
    "archive": "archive",
}
FILES = {
    **{name: content for name, (content, _) in AUDIO.items()},
    **VIDEO,
    **{name: content for name, (content, _) in (CODECS | OTHERS).items()},
}


@pytest.mark.parametrize("name", AUDIO)
def test_audio_is_recognized(name: str) -> None:
    content, expected = AUDIO[name]
    found = recognize(Reader(content))
    assert isinstance(found, Audio), found
    assert found.content_type == expected


@pytest.mark.parametrize("name", VIDEO)
def test_video_is_refused(name: str) -> None:
    found = recognize(Reader(VIDEO[name]))
    assert isinstance(found, Refusal), found
    assert found.reason == "video"
    assert found.sentence.startswith("This file has video.")


@pytest.mark.parametrize("name", CODECS)
def test_codec_that_browsers_do_not_play_is_named(name: str) -> None:
    content, expected = CODECS[name]
    found = recognize(Reader(content))
    assert isinstance(found, Refusal), found
    assert found.reason == "codec"
    assert expected in found.sentence
    assert "video" not in found.sentence.lower().replace("flash video", "")


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_are_refused(name: str) -> None:
    content, expected = OTHERS[name]
    found = recognize(Reader(content))
    assert isinstance(found, Refusal), found
    assert found.reason == REASONS.get(expected, "not_audio")
    assert expected in found.sentence


@pytest.mark.parametrize("name", FILES)
def test_answer_for_the_beginning_is_the_answer_for_the_whole_file(name: str) -> None:
    content = FILES[name]
    expected = recognize(Reader(content))
    step = 1 + len(content) // 100
    for size in (*range(min(len(content), 150)), *range(150, len(content), step)):
        with suppress(MissingBytesError):
            assert recognize(Reader(content[:size], more=True)) == expected, size


SEEDS = 400


def test_noise_is_never_audio() -> None:
    """At 26 millionths for two frames in a row, four are safe; 400 times 64 kB show the bound."""
    found = [
        seed
        for seed in range(SEEDS)
        if not isinstance(recognize(Reader(random.Random(seed).randbytes(70_000))), Refusal)
    ]
    assert found == []
