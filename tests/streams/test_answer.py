"""The table of stream requests and answers, row by row, without a server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from library.audio.byte_range import ByteRange
from library.audio.open_audio import OpenAudio
from library.streams.answer import Answer, StreamRequest, StreamRules, answer

SIZE = 1000
ETAG = '"v1"'
BEFORE, MODIFIED, AFTER = (f"Sun, 01 Nov 2026 12:00:0{second} GMT" for second in (4, 5, 6))
MODIFIED_SECONDS = 1793534405
RULES = StreamRules("private, no-cache")

# Requests by their header fields; a part is an offset and a length.
WHOLE = (200, (0, SIZE))
NOT_MODIFIED, CHANGED, NOT_SATISFIABLE = (304, None), (412, None), (416, None)
TABLE = {
    "": WHOLE,
    # Satisfiable ranges
    "Range: bytes=0-0": (206, (0, 1)),
    "Range: bytes=500-": (206, (500, 500)),
    "Range: bytes=-1": (206, (999, 1)),
    "Range: bytes=-5000": (206, (0, SIZE)),
    "Range: bytes=0-999999999": (206, (0, SIZE)),
    "Range: bytes=7-99": (206, (7, 93)),
    "Range: BYTES=7-99": (206, (7, 93)),
    # Ignored ranges
    "Range: bytes=a-b": WHOLE,
    "Range: bytes=5-2": WHOLE,
    "Range: bytes=": WHOLE,
    "Range: seconds=0-1": WHOLE,
    "Range: bytes=0-1,5-6": WHOLE,
    "Range: bytes=0-1,bytes=5-6": WHOLE,  # the field is repeated
    # Ranges that start at or past the end
    "Range: bytes=1000-": NOT_SATISFIABLE,
    "Range: bytes=99999999-": NOT_SATISFIABLE,
    "Range: bytes=-0": NOT_SATISFIABLE,
    # 304, before any range
    f"If-None-Match: {ETAG}": NOT_MODIFIED,
    f"If-None-Match: W/{ETAG} | Range: bytes=0-9": NOT_MODIFIED,
    "If-None-Match: * | Range: bytes=1000-": NOT_MODIFIED,
    f"If-Modified-Since: {MODIFIED} | Range: bytes=0-9": NOT_MODIFIED,
    'If-None-Match: "v0" | Range: bytes=0-9': (206, (0, 10)),
    f'If-None-Match: "v0" | If-Modified-Since: {AFTER}': WHOLE,
    f"If-Modified-Since: {BEFORE}": WHOLE,
    # 412, before any range
    'If-Match: "v0"': CHANGED,
    'If-Match: "v0" | Range: bytes=1000-': CHANGED,
    f"If-Match: W/{ETAG} | Range: bytes=0-9": CHANGED,
    f"If-Match: {ETAG} | Range: bytes=5-9": (206, (5, 5)),
    f"If-Match: {ETAG} | If-None-Match: {ETAG}": NOT_MODIFIED,
    f"If-Unmodified-Since: {BEFORE}": CHANGED,
    f"If-Unmodified-Since: {MODIFIED} | Range: bytes=5-9": (206, (5, 5)),
    f"If-Match: {ETAG} | If-Unmodified-Since: {BEFORE}": WHOLE,
    # If-Range
    f"Range: bytes=5-9 | If-Range: {ETAG}": (206, (5, 5)),
    f"Range: bytes=5-9 | If-Range: {MODIFIED}": (206, (5, 5)),
    'Range: bytes=5-9 | If-Range: "v0"': WHOLE,
    f"Range: bytes=5-9 | If-Range: W/{ETAG}": WHOLE,
    f"Range: bytes=5-9 | If-Range: {AFTER}": WHOLE,
    "Range: bytes=5-9 | If-Range: nonsense": WHOLE,
    "Range: bytes=5-9 | If-Range: ": WHOLE,
    'Range: bytes=1000- | If-Range: "v0"': WHOLE,
    f"Range: bytes=1000- | If-Range: {ETAG}": NOT_SATISFIABLE,
    f"If-Range: {ETAG}": WHOLE,
}


@pytest.fixture
def audio(tmp_path: Path) -> Iterator[OpenAudio]:
    path = tmp_path / "a b.mp3"
    path.write_bytes(bytes(SIZE))
    with path.open("rb", buffering=0) as file:
        yield OpenAudio(file, SIZE, "audio/mpeg", ETAG, MODIFIED_SECONDS)


def ask(
    audio: OpenAudio,
    fields: str = "",
    *,
    method: str = "GET",
    title: str = "Ambient Sounds",
    download: bool = False,
    rules: StreamRules = RULES,
) -> Answer:
    pairs = (line.split(": ", 1) for line in fields.split(" | ") if line)
    headers = {name.lower(): value for name, value in pairs}
    request = StreamRequest(method, lambda name: headers.get(name.lower()), download)
    return answer(request, audio, title, rules)


@pytest.mark.parametrize("fields", TABLE)
def test_get_is_answered_as_in_the_table(audio: OpenAudio, fields: str) -> None:
    status, part = TABLE[fields]
    given = ask(audio, fields)
    assert (given.status, given.part) == (status, part and ByteRange(*part))
    assert given.ranged == (status == 206)
    assert not given.handed_over
    assert not audio.file.closed  # the adapter sends it, or closes it


@pytest.mark.parametrize("fields", TABLE)
def test_head_is_answered_like_get_without_a_range(audio: OpenAudio, fields: str) -> None:
    conditions = " | ".join(
        field for field in fields.split(" | ") if not field.startswith(("Range", "If-Range"))
    )
    given, get = ask(audio, fields, method="HEAD"), ask(audio, conditions)
    assert (given.status, given.headers) == (get.status, get.headers)
    assert given.part is None


def test_whole_audio_has_the_headers_that_players_need(audio: OpenAudio) -> None:
    assert ask(audio).headers == {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": 'inline; filename="Ambient Sounds.mp3"',
        "Content-Length": "1000",
        "Content-Type": "audio/mpeg",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "ETag": ETAG,
        "Last-Modified": MODIFIED,
        "X-Content-Type-Options": "nosniff",
    }


def test_range_adds_its_position_and_length(audio: OpenAudio) -> None:
    whole, ranged = ask(audio).headers, ask(audio, "Range: bytes=7-99").headers
    assert ranged == whole | {"Content-Length": "93", "Content-Range": "bytes 7-99/1000"}


@pytest.mark.parametrize(
    ("requested", "expected"),
    [("", True), ("Range: bytes=1-", True), ("Range: bytes=0-998", False)],
)
def test_part_knows_whether_it_reaches_the_end(
    audio: OpenAudio, requested: str, expected: bool
) -> None:
    assert ask(audio, requested).to_the_end == expected


def test_304_has_only_the_headers_that_update_a_copy(audio: OpenAudio) -> None:
    given = ask(audio, f"If-None-Match: {ETAG}")
    expected = {"Cache-Control": "private, no-cache", "ETag": ETAG, "Last-Modified": MODIFIED}
    assert (given.headers, given.body) == (expected, b"")


def test_412_and_416_are_json_that_no_cache_stores(audio: OpenAudio) -> None:
    refused = {"Cache-Control": "no-store", "Content-Type": "application/json"}
    changed, past = ask(audio, 'If-Match: "v0"'), ask(audio, "Range: bytes=1000-")
    assert changed.headers == refused
    assert json.loads(changed.body) == {
        "detail": "The audio has another ETag.",
        "code": "precondition_failed",
    }
    assert past.headers == refused | {"Content-Range": "bytes */1000"}
    assert json.loads(past.body) == {
        "detail": "The range starts past the end of the audio. The audio has 1000 bytes.",
        "code": "range_not_satisfiable",
    }


@pytest.mark.parametrize(
    ("title", "download", "disposition"),
    [
        ("Birds", False, 'inline; filename="Birds.mp3"'),
        ("Birds", True, 'attachment; filename="Birds.mp3"'),
        ('a/b\\c:d*e?f"g<h>i|j\r\nk', False, 'inline; filename="a b c d e f g h i j k.mp3"'),
        ("  ", False, 'inline; filename="clip.mp3"'),
        ("/", True, 'attachment; filename="clip.mp3"'),
        (
            "日本 1",
            True,
            "attachment; filename=\"__ 1.mp3\"; filename*=utf-8''%E6%97%A5%E6%9C%AC%201.mp3",
        ),
    ],
)
def test_title_becomes_a_file_name(
    audio: OpenAudio, title: str, download: bool, disposition: str
) -> None:
    given = ask(audio, title=title, download=download)
    assert given.headers["Content-Disposition"] == disposition


# nginx


@pytest.fixture
def nginx(audio: OpenAudio) -> StreamRules:
    """Rules by which nginx sends files of the audio's folder."""
    folder = audio.path.parent
    locations = ((f"{folder}/a/", "/_audio/store/"), (f"{folder}/", "/_audio/media/"))
    return StreamRules("private, no-cache", locations)


def test_nginx_sends_the_file_and_adds_range_and_length(
    audio: OpenAudio, nginx: StreamRules
) -> None:
    given = ask(audio, "Range: bytes=7-99", rules=nginx)
    assert (given.status, given.part, given.ranged) == (200, ByteRange(7, 93), True)
    assert given.handed_over
    assert given.headers["X-Accel-Redirect"] == "/_audio/media/a%20b.mp3"
    assert not {"Accept-Ranges", "Content-Length", "Content-Range"} & set(given.headers)


@pytest.mark.parametrize("fields", TABLE)
def test_nginx_does_not_change_what_is_sent(
    audio: OpenAudio, nginx: StreamRules, fields: str
) -> None:
    direct, given = ask(audio, fields), ask(audio, fields, rules=nginx)
    assert (given.part, given.ranged) == (direct.part, direct.ranged)
    if not given.handed_over:
        assert given == direct


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("", True),
        ("Range: bytes=5-9", True),
        ("Range: bytes=5-2", False),  # nginx would answer with 416
        ("Range: bytes=0-1,5-6", False),
        (f"Range: bytes=7-{'9' * 40}", False),
        (f"If-Match: {ETAG}", False),
        (f"If-Unmodified-Since: {AFTER}", False),
        ('If-None-Match: "v0"', False),
        (f"If-Modified-Since: {BEFORE}", False),
        (f"Range: bytes=5-9 | If-Range: {ETAG}", False),
    ],
)
def test_nginx_sends_only_what_it_would_not_answer_differently(
    audio: OpenAudio, nginx: StreamRules, fields: str, expected: bool
) -> None:
    assert ask(audio, fields, rules=nginx).handed_over == expected


def test_nginx_does_not_send_files_outside_its_folders_or_unfinished_ones(
    audio: OpenAudio, nginx: StreamRules, tmp_path: Path
) -> None:
    elsewhere = StreamRules("", ((f"{tmp_path}/a/", "/_audio/a/"),))
    assert not ask(audio, rules=elsewhere).handed_over
    audio.stored = False
    assert not ask(audio, rules=nginx).handed_over


def test_head_is_never_handed_over(audio: OpenAudio, nginx: StreamRules) -> None:
    assert ask(audio, method="HEAD", rules=nginx) == ask(audio, method="HEAD")
