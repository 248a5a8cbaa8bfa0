"""What a body or a query may contain: the faults, their sentences and their codes."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from library.api.parameters import (
    CLIP_STATISTICS,
    LIBRARY_STATISTICS,
    LIST,
    SHOW,
    Parameters,
)
from library.models import Clip

Http = Callable[..., requests.Response]
NEW = {"title": "New", "genre": "jazz", "duration": 3, "audio_url": "https://example.com/a.mp3"}
CLIPS = "/api/v1/clips"


def post(body: bytes) -> dict[str, Any]:
    return {"data": body, "headers": {"Content-Type": "application/json"}}


def test_other_type_of_a_body_is_415_that_says_what_to_send(http: Http) -> None:
    for kind in (None, "", "text/json", "application/x-www-form-urlencoded", "x"):
        for path in (CLIPS, f"{CLIPS}/bulk"):
            headers = {} if kind is None else {"Content-Type": kind}
            answer = http("POST", path, data=b"{}", headers=headers)
            assert answer.status_code == 415
            assert answer.json()["detail"] == "Send Content-Type: application/json."


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"title": "a", "title": "a"}', "title"),
        (b'{"tags": [{"a": 1, "b": 2, "a": 3}]}', "a"),
        (b'{"\\u0061": 1, "a": 1}', "a"),
    ],
)
def test_repeated_name_is_400(http: Http, body: bytes, name: str) -> None:
    answer = http("POST", CLIPS, **post(body))
    assert (answer.status_code, answer.json()["code"]) == (400, "repeated_name")
    assert f"“{name}”" in answer.json()["detail"]


NO_TAGS: list[Any] = ["a", 5, {}, [5], [["a"]], [None]]
WRONG_TYPES: list[tuple[str, Any, str]] = [
    *((field, 5, "Must be a string.") for field in ("title", "description", "genre", "audio_url")),
    *((field, ["a"], "Must be a string.") for field in ("creator", "creator_url", "licence")),
    *(("isrc", {}, "Must be a string."), ("title", True, "Must be a string.")),
    *(("duration", "30", "Must be a number."), ("duration", True, "Must be a number.")),
    *(("duration", [], "Must be a number."), ("duration", {}, "Must be a number.")),
    *(("tags", value, "Must be a list of strings") for value in NO_TAGS),
]


def test_wrong_type_has_the_same_sentence_and_code_everywhere(http: Http) -> None:
    for field, value, sentence in WRONG_TYPES:
        body: dict[str, Any] = {**NEW, field: value}
        one = http("POST", CLIPS, json=body).json()
        many = http("POST", f"{CLIPS}/bulk", json=[NEW, body]).json()["errors"]
        assert one[field][0].startswith(sentence)
        assert one["codes"] == [f"{field}.type"]
        assert many == {"1": one}


def test_body_that_is_no_object_is_400(http: Http) -> None:
    for body in (b"5", b"null", b"[]", b'"a"', b"true"):
        assert http("POST", CLIPS, **post(body)).json() == {
            "non_field_errors": ["Must be a JSON object."],
            "codes": ["non_field_errors.invalid"],
        }


@pytest.mark.parametrize(
    ("path", "body", "codes"),
    [
        (CLIPS, {**NEW, "license": "MIT"}, ["license.unknown"]),
        (CLIPS, {**NEW, "id": 1, "play_count": 5}, ["id.read_only", "play_count.read_only"]),
        (CLIPS, {"Title": ""}, [f"{field}.required" for field in NEW] + ["Title.unknown"]),
    ],
)
def test_unknown_and_read_only_fields_are_400_beside_other_errors(
    http: Http, path: str, body: Any, codes: list[str]
) -> None:
    one = http("POST", path, json=body)
    many = http("POST", f"{path}/bulk", json=[body, NEW])
    assert (one.status_code, one.json()["codes"]) == (400, codes)
    assert many.json()["errors"] == {"0": one.json()}
    assert not Clip.objects.exists()


def test_hidden_character_is_400_by_its_name(http: Http) -> None:
    for field in ("title", "genre", "creator", "description", "tags"):
        for hidden in ("\x00", "\x07", "\x9b", "\u202e", "\u2066", "\u200f"):
            text = f"a{hidden}b"
            body = {**NEW, field: [text] if field == "tags" else text}
            answer = http("POST", CLIPS, json=body).json()
            assert answer["codes"] == [f"{field}.hidden_character"]
            assert f"U+{ord(hidden):04X} at position 2" in answer[field][0]


def test_texts_are_stored_composed(http: Http) -> None:
    texts = {"title": "Cafe\u0301", "genre": "u\u0308", "creator": "A\u030a", "tags": ["e\u0301"]}
    url = "https://example.com/Cafe\u0301.mp3"
    made = http("POST", CLIPS, json={**NEW, **texts, "audio_url": url}).json()
    found = [made[name] for name in texts]
    assert found == ["Caf\xe9", "\xfc", "\xc5", ["\xe9"]]
    assert made["audio_url"] == url  # another URL is another resource
    for query in ("search=Cafe\u0301", "search=Caf\xe9", "genre=u\u0308", "tag=e\u0301"):
        assert len(http("GET", f"{CLIPS}?{query}").json()) == 1


@pytest.mark.parametrize(
    ("path", "known"),
    [
        (CLIPS, LIST),
        (f"{CLIPS}/{{}}", SHOW),
        (f"{CLIPS}/{{}}/stats", CLIP_STATISTICS),
        ("/api/v1/stats", LIBRARY_STATISTICS),
    ],
)
@pytest.mark.parametrize("blank", ["", "%20", "%09+"])
def test_every_blank_parameter_counts_as_not_given(
    http: Http, clip: Clip, path: str, known: Parameters, blank: str
) -> None:
    path = path.format(clip.pk)
    statuses = {name: http("GET", f"{path}?{name}={blank}").status_code for name in known}
    assert statuses == dict.fromkeys(known, 200)
    if "timezone" not in known:  # statistics move with time
        every = "&".join(f"{name}={blank}" for name in known)
        plain, found = (http("GET", f"{path}?{query}").headers["ETag"] for query in ("", every))
        assert found == plain
