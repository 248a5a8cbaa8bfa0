"""Inspecting a URL before a clip uses it."""

import os
import tempfile
from io import FileIO

import pytest

from harness.origin import Origin, answer
from library.sources.opening import inspect_source

CHUNKED = {"Content-Length": "", "Transfer-Encoding": "chunked"}


def chunked(body: bytes) -> bytes:
    return f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


def test_type_size_and_duration_are_measured(origin: Origin, mp3: bytes) -> None:
    url = origin.on("/a", answer(mp3, headers={"Content-Type": "text/html"}))
    report = inspect_source(url)
    assert (report.code, report.detail) == (None, None)
    assert (report.content_type, report.size_bytes) == ("audio/mpeg", len(mp3))
    assert report.duration == pytest.approx(28.5)
    assert report.final_url == report.url == url


def test_size_without_content_length_is_known_only_after_a_full_inspection(
    origin: Origin, mp3: bytes
) -> None:
    url = origin.on("/a", answer(chunked(mp3), headers=CHUNKED))
    assert inspect_source(url).size_bytes == len(mp3)
    head = inspect_source(url, head_only=True)
    assert (head.content_type, head.size_bytes, head.duration) == ("audio/mpeg", None, None)


def test_final_url_is_reported_even_if_its_response_is_not_audio(
    origin: Origin, mp3: bytes
) -> None:
    target = origin.on("/b", answer(mp3))
    url = origin.on("/a", answer(status="302 Found", headers={"Location": "/b"}))
    assert inspect_source(url).final_url == target
    origin.on("/b", answer(b"<html>Log in</html>"))
    report = inspect_source(url)
    assert (report.final_url, report.code) == (target, "origin_web_page")


def test_status_of_an_error_is_reported(origin: Origin) -> None:
    report = inspect_source(origin.url("/nothing"))
    assert (report.code, report.origin_status) == ("origin_http_error", 404)
    assert report.detail == "The origin responded with status 404."


def test_address_policy_applies() -> None:
    report = inspect_source("http://10.0.0.1/a.mp3")
    assert report.code == "origin_address_refused"
    assert report.detail == "The origin's address is not public, or its port is not 80 or 443."


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has it")
def test_full_disk_is_not_the_fault_of_the_origin(
    origin: Origin, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: FileIO("/dev/full", "r+"))
    report = inspect_source(origin.on("/a", answer(mp3)))
    assert (report.code, report.detail) == (
        "store_unavailable",
        "The audio store is not available.",
    )


def test_truncated_audio_is_found_by_a_full_inspection(origin: Origin, mp3: bytes) -> None:
    url = origin.on("/a", answer(mp3[:-1], headers={"Content-Length": str(len(mp3))}))
    assert inspect_source(url).code == "origin_truncated"
    assert inspect_source(url, head_only=True).code is None
