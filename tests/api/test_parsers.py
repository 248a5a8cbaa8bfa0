"""Strict parsing of JSON bodies."""

import gzip
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


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "identity, deflate", "unknown"])
@pytest.mark.parametrize("path", ["/api/v1/clips", "/api/v1/clips/bulk"])
def test_coded_body_is_415_by_its_cause(http: Http, path: str, coding: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    response = http("POST", path, data=gzip.compress(b"{}"), headers=headers)
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_content_encoding")
    assert response.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("coding", ["", "identity", "Identity"])
def test_body_without_coding_is_read(http: Http, coding: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    assert http("POST", "/api/v1/clips", data=b"{}", headers=headers).status_code == 400


@pytest.mark.parametrize("kind", ["application/*", "*/*", "application/json5", "json", ""])
def test_body_of_another_media_type_is_415(http: Http, kind: str) -> None:
    response = http("POST", "/api/v1/clips", data=b"{}", headers={"Content-Type": kind})
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
def test_media_type_is_compared_without_case_and_parameters(http: Http, kind: str) -> None:
    response = http("POST", "/api/v1/clips", data=b"{}", headers={"Content-Type": kind})
    assert response.status_code == 400


def test_errors_of_the_first_clips_are_listed(http: Http) -> None:
    body: list[dict[str, str]] = [{}] * 999
    answer = http("POST", "/api/v1/clips/bulk", json=body).json()
    assert list(answer["errors"]) == [str(index) for index in range(20)]
    assert "The errors of the first 20 of 999 are listed." in answer["detail"]
