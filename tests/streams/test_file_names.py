"""File names of downloads, made of titles."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.streams.file_names import ascii_file_name, file_name
from library.streams.headers import content_disposition

RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])", re.I)
FAMILY = "👩\u200d👩\u200d👧"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("a" * 300, "a" * 250 + ".mp3"),
        ("é" * 300, "é" * 125 + ".mp3"),
        ("日" * 85, "日" * 83 + ".mp3"),
        ("a" * 249 + "é" * 9, "a" * 249 + ".mp3"),
        ("🎵" * 100, "🎵" * 62 + ".mp3"),
        ("a" * 249 + "x\u0323" * 3, "a" * 249 + ".mp3"),  # a letter and its mark stay together
        ("a" * 249 + " .b", "a" * 249 + ".mp3"),
        ("e\u0301", "é.mp3"),
        ("e\u200d\u0301", "é.mp3"),
        ("a\u202egnp.exe", "agnp.exe.mp3"),
        ("\u2066a\u2069\u200f\u061c\ufeff\u00ad", "a.mp3"),
        ("a\x00b\x1bc\x85d\u2028e", "a b c d e.mp3"),
        ("../../etc/passwd", "etc passwd.mp3"),
        ("..\\..\\boot.ini", "boot.ini.mp3"),
        ("..", "clip.mp3"),
        ("", "clip.mp3"),
        (" . . ", "clip.mp3"),
        ("\u202e", "clip.mp3"),
        (".profile", "profile.mp3"),
        ("Wait...", "Wait.mp3"),
        ("a....b", "a.b.mp3"),
        ("a. ", "a.mp3"),
        ("a/.", "a.mp3"),
        ("CON", "_CON.mp3"),
        ("con.tar", "_con.tar.mp3"),
        ("Nul .x", "_Nul .x.mp3"),
        ("COM1", "_COM1.mp3"),
        ("lpt³", "_lpt³.mp3"),
        ("CONIN$", "_CONIN$.mp3"),
        ("/aux:", "_aux.mp3"),
        ("Console", "Console.mp3"),
        ("COM10", "COM10.mp3"),
        ("a\u00a0 \u3000b", "a b.mp3"),
        ("song.mp3", "song.mp3"),
        ("Song.MP3", "Song.mp3"),
        ("song.mp3.Mp3 .", "song.mp3"),
        ("song .mp3", "song.mp3"),
        ("song.wav", "song.wav.mp3"),
        ("songmp3", "songmp3.mp3"),
        ("con.mp3", "_con.mp3"),
        ("a" * 248 + ".mp3", "a" * 248 + ".mp3"),
        (FAMILY, f"{FAMILY}.mp3"),
        ("❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥.mp3"),
        ("می\u200cکنم", "می\u200cکنم.mp3"),
        ("क्\u200dष क्\u200cष", "क्\u200dष क्\u200cष.mp3"),
        ("a\u200db\u200cc", "abc.mp3"),
        ("\u200dی\u200c", "ی.mp3"),
        ("ی\u200c خ\u200d/\u200dخ\u200c.", "ی خ خ.mp3"),
        ("ی\u200c\u202e\u200d\u200cخ", "یخ.mp3"),
        ("a" * 245 + "ی\u200cخ", "a" * 245 + "ی.mp3"),
    ],
)
def test_title_becomes_a_safe_file_name(title: str, name: str) -> None:
    assert file_name(title, "mp3") == name


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Café", "Cafe.mp3"),
        ("日本 1", "__ 1.mp3"),
        ("日本", "clip.mp3"),
        ("Café.MP3", "Cafe.mp3"),
        ("½ ‥/ﬁ\uff1ax", "1_2 . fi x.mp3"),
        ("\uff23\uff2f\uff2e", "_CON.mp3"),
        ("ä" * 300, "a" * 250 + ".mp3"),
    ],
)
def test_name_in_ascii_is_similar_and_safe_as_well(title: str, name: str) -> None:
    assert ascii_file_name(title, "mp3") == name


@pytest.mark.parametrize(
    ("title", "disposition"),
    [
        ("Café", "inline; filename=\"Cafe.mp3\"; filename*=utf-8''Caf%C3%A9.mp3"),
        ("100% pure", 'inline; filename="100% pure.mp3"'),
        ("a%2Fb", "inline; filename=\"a_2Fb.mp3\"; filename*=utf-8''a%252Fb.mp3"),
        ("it's (a) *", 'inline; filename="it\'s (a).mp3"'),
        ("é'()!", "inline; filename=\"e'()!.mp3\"; filename*=utf-8''%C3%A9%27%28%29%21.mp3"),
    ],
)
def test_disposition_has_both_names_if_they_differ(title: str, disposition: str) -> None:
    assert content_disposition(title, "audio/mpeg", download=False) == disposition


TITLES = st.text(max_size=300) | st.lists(
    st.sampled_from(
        [
            "..",
            ".",
            " ",
            "/",
            "con",
            "NUL",
            "é",
            "\u202e",
            "\u0301",
            "a" * 80,
            "\n",
            "\u200d",
            ".webm",
        ]
    )
).map("".join)


@given(TITLES)
def test_any_title_gives_a_safe_file_name(title: str) -> None:
    for name in (file_name(title, "webm"), ascii_file_name(title, "webm")):
        assert len(name.encode()) <= 255
        assert name.endswith(".webm")
        assert name == unicodedata.normalize("NFC", name)
        plain = re.sub("(?<=[^ .\u200c\u200d])[\u200c\u200d](?=[^ .\u200c\u200d])", "", name)
        assert not {unicodedata.category(char) for char in plain} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
        assert not set(name) & set('/\\:*?"<>|')
        assert ".." not in name
        assert not name.startswith((".", " "))
        assert not name.removesuffix(".webm").endswith((".", " "))
        assert not RESERVED.fullmatch(name.split(".")[0].strip())
    assert ascii_file_name(title, "webm").isascii()
    assert content_disposition(title, "audio/webm", download=True).isascii()
