"""An address is looked at before a clip relies on it."""

import pytest

from harness.origin import Origin, answer
from library.sources.opening import look_at, look_briefly_at

CHUNKED = {"Content-Length": "", "Transfer-Encoding": "chunked"}


def chunked(body: bytes) -> bytes:
    return f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


def test_audio_is_measured(origin: Origin, mp3: bytes) -> None:
    url = origin.on("/a", answer(mp3, headers={"Content-Type": "text/html"}))
    report = look_at(url)
    assert (report.code, report.detail) == (None, None)
    assert (report.content_type, report.size_bytes) == ("audio/mpeg", len(mp3))
    assert report.duration == pytest.approx(28.5)
    assert report.final_url == report.url == url


def test_size_that_is_not_told_is_found_out(origin: Origin, mp3: bytes) -> None:
    url = origin.on("/a", answer(chunked(mp3), headers=CHUNKED))
    assert look_at(url).size_bytes == len(mp3)
    brief = look_briefly_at(url)
    assert (brief.content_type, brief.size_bytes, brief.duration) == ("audio/mpeg", None, None)


def test_redirect_is_told_even_if_it_ends_badly(origin: Origin, mp3: bytes) -> None:
    target = origin.on("/b", answer(mp3))
    url = origin.on("/a", answer(status="302 Found", headers={"Location": "/b"}))
    assert look_at(url).final_url == target
    origin.on("/b", answer(b"<html>Log in</html>"))
    report = look_at(url)
    assert (report.final_url, report.code) == (target, "origin_not_audio")


def test_status_of_a_refusal_is_told(origin: Origin) -> None:
    report = look_at(origin.url("/nothing"))
    assert (report.code, report.origin_status) == ("origin_http_error", 404)
    assert report.detail == "The origin answered with the status 404."


def test_address_policy_holds(origin: Origin) -> None:
    report = look_at("http://10.0.0.1/a.mp3")
    assert report.code == "origin_address_refused"
    assert report.detail == "The origin's address is not public, or its port is not 80 or 443."


def test_audio_that_breaks_off_is_found_by_looking_at_all(origin: Origin, mp3: bytes) -> None:
    url = origin.on("/a", answer(mp3[:-1], headers={"Content-Length": str(len(mp3))}))
    assert look_at(url).code == "origin_truncated"
    assert look_briefly_at(url).code is None
