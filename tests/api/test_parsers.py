"""Strict parsing of JSON bodies."""

from collections.abc import Callable

import pytest
import requests

Http = Callable[..., requests.Response]


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"title": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"title": "\xed\xa0\x80"}',
        b'\xef\xbb\xbf{"title": "a"}',
        b'{"duration": Infinity}',
        b'{"title": "a",}',
        b"{'title': 'a'}",
    ],
    ids=["deep", "surrogate", "key", "bytes", "mark", "infinity", "comma", "quotes"],
)
def test_invalid_json_is_400_with_its_position(http: Http, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = http("POST", "/api/v1/clips", data=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "parse_error")
    assert "line 1, column" in response.json()["detail"]


def test_huge_number_is_400(http: Http) -> None:
    new = '{"title":"a","genre":"b","audio_url":"https://example.com/","duration":1' + "0" * 400
    response = http(
        "POST", "/api/v1/clips", data=new + "}", headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 400


def test_text_is_returned_unchanged(http: Http) -> None:
    title = "Ünïcode 日本語 😀 \xad\u200b </script> \"quoted\" 'and' \\"
    new = {"title": title, "genre": "b", "duration": 1, "audio_url": "https://example.com/"}
    response = http("POST", "/api/v1/clips", json=new)
    assert response.json()["title"] == title
    assert response.headers["Content-Type"] == "application/json"
