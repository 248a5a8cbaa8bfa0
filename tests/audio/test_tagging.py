"""Tags of all kinds, written by mutagen, and tags that are damaged or hostile."""

import io
import random
import struct
from collections.abc import Callable
from typing import Any

import av
import pytest
from mutagen import id3 as frames
from mutagen._constants import GENRES
from mutagen.flac import FLAC
from mutagen.id3 import ID3
from mutagen.mp4 import MP4, MP4FreeForm
from mutagen.oggopus import OggOpus
from mutagen.wave import WAVE

from library.audio.containers.reader import Reader
from library.audio.containers.results import Audio, Refusal
from library.audio.recognition import recognize
from library.audio.tagging.found import MOST_CHARACTERS, MOST_VALUES, Tags
from library.audio.tagging.genres import NAMES, genres_of
from library.audio.tagging.reading import read_tags
from tests.support.sounds import MP3_FRAME, OGG_FLAC_HEAD, VORBIS_HEAD, chunk, flac, page, wav

TEXTS = ("Plain", "Süße Träume", "Песня", "音楽 🎵", "Zoë ǅ")
MP3 = MP3_FRAME * 20


def tags_of(content: bytes) -> Tags:
    audio = recognize(Reader(content))
    assert not isinstance(audio, Refusal)
    return read_tags(io.BytesIO(content), audio)


def with_id3(*wanted: Any, version: int = 4, v1: int = 0, content: bytes = MP3) -> bytes:
    """Return an MP3 with these frames."""
    file, tag = io.BytesIO(content), ID3()
    for frame in wanted:
        tag.add(frame)
    if version == 3:
        tag.update_to_v23()
    tag.save(file, v2_version=version, v1=v1)
    return file.getvalue()


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("encoding", [0, 1, 2, 3])
@pytest.mark.parametrize("text", TEXTS)
def test_id3_in_all_encodings(text: str, encoding: int, version: int) -> None:
    if encoding == 0 and not text.isascii() and max(text) > "ÿ":
        encoding = 3
    tags = tags_of(
        with_id3(
            frames.TIT2(encoding=encoding, text=[text]),
            frames.TPE1(encoding=encoding, text=[text]),
            frames.COMM(encoding=encoding, lang="eng", desc="", text=[f"{text}\nsecond line"]),
            frames.COMM(encoding=encoding, lang="eng", desc="iTunNORM", text=["0000"]),
            frames.TCON(encoding=encoding, text=[text]),
            frames.TSRC(encoding=encoding, text=["USS1Z9900001"]),
            frames.TXXX(encoding=encoding, desc="KEYWORDS", text=["one, two"]),
            version=version,
        )
    )
    assert tags == {
        "title": [text],
        "creator": [text],
        "comment": [f"{text}\nsecond line"],
        "genre": [text],
        "isrc": ["USS1Z9900001"],
        "tags": ["one, two"],
    }


def test_several_values_of_id3() -> None:
    values = with_id3(frames.TPE1(encoding=1, text=["Ann", "Bob"]), frames.TCON(text=["17", "Dub"]))
    assert tags_of(values) == {"creator": ["Ann", "Bob"], "genre": ["Rock", "Dub"]}


def test_links_of_id3() -> None:
    url, licence = "https://example.com/ann", "https://creativecommons.org/licenses/by/4.0/"
    found = tags_of(with_id3(frames.WOAR(url=url), frames.WCOP(url=licence)))
    assert found == {"creator_url": [url], "licence": [licence]}


def test_id3v2_2() -> None:
    def frame(name: bytes, content: bytes) -> bytes:
        return name + len(content).to_bytes(3) + content

    content = frame(b"PIC", b"\0JPG" + b"x" * 300) + frame(b"TT2", b"\0Caf\xe9\0")
    content += frame(b"TP1", b"\1\xff\xfeA\0n\0n\0") + frame(b"TCO", b"\0(32)")
    tag = b"ID3\2\0\0" + bytes(len(content) >> n & 0x7F for n in (21, 14, 7, 0)) + content
    assert tags_of(tag + MP3) == {"title": ["Café"], "creator": ["Ann"], "genre": ["Classical"]}


def frame_4(name: bytes, content: bytes, flags: bytes = b"\0\0", *, plain: bool = False) -> bytes:
    bits = 8 if plain else 7
    mask = (1 << bits) - 1
    size = bytes(len(content) >> n * bits & mask for n in (3, 2, 1, 0))
    return name + size + flags + content


def tag_4(*content: bytes, flags: int = 0, version: int = 4) -> bytes:
    whole = b"".join(content)
    size = bytes(len(whole) >> n & 0x7F for n in (21, 14, 7, 0))
    return b"ID3" + bytes([version, 0, flags]) + size + whole


TITLE = frame_4(b"TIT2", b"\3Title")


@pytest.mark.parametrize(
    "content",
    [
        tag_4(b"\0\0\0\6\1\0", TITLE, flags=0x40),  # an extended header
        tag_4(b"\0\0\0\6\0\0\0\0\0\0", TITLE, flags=0x40, version=3),
        tag_4(frame_4(b"APIC", b"x" * 300, plain=True), TITLE),  # a size of iTunes
        tag_4(frame_4(b"TIT2", b"\0\0\0\6\3Title", b"\0\1")),  # with its length
        tag_4(frame_4(b"TIT2", b"\7\3Title", b"\0\x40")),  # in a group
        tag_4(frame_4(b"TXXX", b"\3name"), TITLE, bytes(500)),  # padding
        tag_4(frame_4(b"TIT2", b"\1\xff\0\xfeT\0i\0t\0l\0e\0", b"\0\2")),  # unsynchronised
        tag_4(b"TIT2\0\0\0\x0d\0\0\1\xff\0\xfeT\0i\0t\0l\0e\0", flags=0x80, version=3),
        tag_4(frame_4(b"TIT2", b"\1T\0i\0t\0l\0e\0")),  # no byte order
        tag_4(frame_4(b"TIT2", b"\3\0\0")) + tag_4(TITLE),  # a blank one, and a second tag
    ],
)
def test_unusual_id3(content: bytes) -> None:
    assert tags_of(content + MP3) == {"title": ["Title"]}


@pytest.mark.parametrize(
    "content",
    [
        frame_4(b"TIT2", b"\0\0\0\6x\x9c\xabV\n", b"\0\x08"),  # compressed
        frame_4(b"TIT2", b"\1\3Title", b"\0\4"),  # encrypted
        b"TIT2\x7f\x7f\x7f\x7f\0\0\3Title",  # longer than the tag
        b"TIT2\0\0\0\0\0\0",
        b"tit2\0\0\0\6\0\0\3Title",
    ],
)
def test_id3_that_is_skipped(content: bytes) -> None:
    assert tags_of(tag_4(content) + MP3) == {}


def test_id3v1_fills_what_id3v2_lacks() -> None:
    last = b"TAG" + b"Old title".ljust(30, b"\0") + b"Ann\xe9".ljust(30, b" ") + bytes(30)
    last += b"1999" + b"A comment".ljust(28, b"\0") + b"\0\7" + b"\x20"
    assert tags_of(MP3 + last) == {
        "title": ["Old title"],
        "creator": ["Anné"],
        "comment": ["A comment"],
        "genre": ["Classical"],
    }
    assert tags_of(tag_4(TITLE) + MP3 + last)["title"] == ["Title"]


def test_genres_are_those_of_mutagen() -> None:
    assert list(NAMES) == GENRES
    for text in ("17", "(17)", "(RX)", "Rock", "(17)(6)", "255", "(4)(CR)", "a (17)"):
        known = [name for name in frames.TCON(text=[text]).genres if name != "Unknown"]
        assert [*genres_of(text)] == known
    assert [*genres_of("(17)Rock")] == ["Rock", "Rock"]
    assert [*genres_of("((Live)")] == ["(Live)"]


def vorbis(text: str) -> dict[str, list[str]]:
    return {"TITLE": [text], "artist": [text, "Bob"], "Genre": ["Dub"], "ISRC": ["USS1Z9900001"]}


def in_flac(text: str) -> bytes:
    file = io.BytesIO(flac(50))
    made: Any = FLAC(file)
    made.add_tags()
    made.tags.update(vorbis(text))
    file.seek(0)
    made.save(file)
    return file.getvalue()


def in_opus(text: str) -> bytes:
    file = io.BytesIO(encoded("libopus"))
    made: Any = OggOpus(file)
    made.tags.update(vorbis(text))
    made.tags["METADATA_BLOCK_PICTURE"] = "A" * 200_000  # on several pages, in front of others
    made.tags["DESCRIPTION"] = "Long\ntext"
    file.seek(0)
    made.save(file)
    return file.getvalue()


def comments(*texts: str) -> bytes:
    sized = [struct.pack("<I", len(text.encode())) + text.encode() for text in texts]
    return struct.pack("<I", 4) + b"Test" + struct.pack("<I", len(texts)) + b"".join(sized)


def encoded(codec: str, container: str = "ogg", **texts: str) -> bytes:
    """Encode a short silence."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        output.metadata.update(texts)
        stream: Any = output.add_stream(codec, rate=48_000)
        stream.layout = "mono"
        stream.codec_context.open()
        for _ in range(3):
            samples = stream.codec_context.frame_size or 4608
            frame = av.AudioFrame(stream.codec_context.format.name, "mono", samples)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.rate = 48_000
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize("text", TEXTS)
def test_vorbis_comments_in_flac(text: str) -> None:
    assert tags_of(in_flac(text)) == {
        "title": [text],
        "creator": [text, "Bob"],
        "genre": ["Dub"],
        "isrc": ["USS1Z9900001"],
    }


def test_comments_of_opus() -> None:
    assert tags_of(in_opus("音楽 🎵")) == {
        "title": ["音楽 🎵"],
        "creator": ["音楽 🎵", "Bob"],
        "genre": ["Dub"],
        "isrc": ["USS1Z9900001"],
        "description": ["Long\ntext"],
    }


def test_comments_of_vorbis_and_of_flac_in_ogg() -> None:
    texts = comments("TITLE=Süß", "artist=Ann", "ARTIST=Bob", "X=y", "no key", "genre=")
    block = b"\x84" + len(texts).to_bytes(3) + texts
    for head, packet in ((VORBIS_HEAD, b"\x03vorbis" + texts + b"\1"), (OGG_FLAC_HEAD, block)):
        content = (
            page(head, flags=2) + page(packet, number=1) + page(bytes(99), granule=9, number=2)
        )
        assert tags_of(content) == {"title": ["Süß"], "creator": ["Ann", "Bob"]}


@pytest.mark.parametrize("text", TEXTS)
def test_items_of_mp4(text: str) -> None:
    file = io.BytesIO(encoded("aac", "mp4"))
    made: Any = MP4(file)
    made.tags.update(
        {
            "\xa9nam": [text],
            "\xa9ART": [text],
            "desc": ["A description"],
            "\xa9cmt": ["A comment"],
            "\xa9gen": ["House"],
            "cprt": ["© 2026 Ann"],
            "----:com.apple.iTunes:ISRC": [MP4FreeForm(b"USS1Z9900001")],
        }
    )
    file.seek(0)
    made.save(file)
    assert tags_of(file.getvalue()) == {
        "title": [text],
        "creator": [text],
        "description": ["A description"],
        "comment": ["A comment"],
        "genre": ["House"],
        "licence": ["© 2026 Ann"],
        "isrc": ["USS1Z9900001"],
    }


def test_texts_of_quicktime() -> None:
    found = tags_of(encoded("aac", "mov", title="Café", artist="Ann", genre="Dub"))
    assert found == {"title": ["Café"], "creator": ["Ann"], "genre": ["Dub"]}


def info(*texts: tuple[bytes, bytes]) -> bytes:
    return chunk(b"LIST", b"INFO" + b"".join(chunk(name, text + b"\0") for name, text in texts))


def in_riff(*chunks: bytes) -> bytes:
    content = wav(bytes(800))[8:] + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(content)) + content


@pytest.mark.parametrize(("text", "shown"), [(b"Caf\xe9", "Café"), ("Песня".encode(), "Песня")])
def test_info_of_riff(text: bytes, shown: str) -> None:
    texts = info((b"INAM", text), (b"IART", b"Ann"), (b"ISRC", b"A record"), (b"IKEY", b"a; b"))
    assert tags_of(in_riff(texts)) == {"title": [shown], "creator": ["Ann"], "tags": ["a; b"]}


def test_id3_in_riff_comes_before_info() -> None:
    file = io.BytesIO(in_riff(info((b"INAM", b"Other"), (b"IART", b"Ann"))))
    made: Any = WAVE(file)
    made.add_tags()
    made.tags.add(frames.TIT2(encoding=3, text=["Песня"]))
    file.seek(0)
    made.save(file)
    assert tags_of(file.getvalue()) == {"title": ["Песня"], "creator": ["Ann"]}


def test_numbers_and_lengths_are_limited() -> None:
    many = tag_4(*(frame_4(b"TIT2", b"\3Title %d" % n) for n in range(500)))
    assert len(tags_of(many + MP3)["title"]) == MOST_VALUES
    long = tag_4(frame_4(b"TIT2", b"\3" + b"x" * 100_000))
    assert len(tags_of(long + MP3)["title"][0]) == MOST_CHARACTERS


WHOLE: dict[str, Callable[[], bytes]] = {
    "audio/mpeg": lambda: with_id3(
        frames.TIT2(encoding=1, text=["A title"]), frames.TPE1(encoding=3, text=["Ann"])
    ),
    "audio/flac": lambda: in_flac("Title"),
    "audio/wav": lambda: in_riff(info((b"INAM", b"Title"), (b"IART", b"Ann"))),
    "audio/ogg": lambda: in_opus("Title"),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_damaged_tags_raise_nothing(kind: str) -> None:
    """Each file is read as if its audio had been recognized, with random bytes changed."""
    content, chance = WHOLE[kind](), random.Random(1)
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 8)):
            damaged[chance.randrange(min(len(damaged), 400))] = chance.choice((0, 255, 128, 1, 73))
        cut = bytes(damaged[: chance.randrange(len(damaged))])
        for tags in (read_tags(bytes(damaged), Audio(kind)), read_tags(cut, Audio(kind))):
            for values in tags.values():
                assert 1 <= len(values) <= MOST_VALUES
