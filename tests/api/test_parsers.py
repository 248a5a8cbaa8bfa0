"""JSON as it comes in: what no JSON is, or no text, is refused before it reaches anything."""

from collections.abc import Callable

import pytest
import requests

Ask = Callable[..., requests.Response]


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
def test_body_that_is_no_json_is_400_that_tells_where(http: Ask, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = http("POST", "/api/v1/clips", data=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "parse_error")
    assert "line 1, column" in response.json()["detail"]


def test_number_beyond_all_bounds_is_400_for_its_field(http: Ask) -> None:
    new = '{"title":"a","genre":"b","audio_url":"https://example.com/","duration":1' + "0" * 400
    response = http(
        "POST", "/api/v1/clips", data=new + "}", headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 400


def test_text_stays_as_it_is(http: Ask) -> None:
    title = "Ünïcode 日本語 😀 \u2028 </script> \"quoted\" 'and' \\"
    new = {"title": title, "genre": "b", "duration": 1, "audio_url": "https://example.com/"}
    response = http("POST", "/api/v1/clips", json=new)
    assert response.json()["title"] == title
    assert response.headers["Content-Type"] == "application/json"
