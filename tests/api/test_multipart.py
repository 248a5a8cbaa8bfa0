"""Forms with files, divided into reads of any size."""

import io
from typing import Any

import pytest

from library.api.multipart import MOST_HEAD_BYTES, PartHead, boundary_of, read_parts
from library.api.upload_errors import FormInvalid

FIELD = b'Content-Disposition: form-data; name="metadata"\r\n\r\n'
FILE = b'content-disposition: form-data; name=audio; filename="a b.mp3"\r\nX: y\r\n\r\n'


def parts_of(body: bytes, size: int = 65_536) -> list[tuple[PartHead, bytes]]:
    found: list[tuple[PartHead, bytearray]] = []

    def begin(head: PartHead) -> Any:
        found.append((head, bytearray()))
        return found[-1][1].extend

    stream = io.BytesIO(body)
    read_parts(lambda most: stream.read(min(most, size)), b"x", begin)
    assert stream.read() == b""  # the digest covers what follows the last boundary
    return [(head, bytes(content)) for head, content in found]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 65_536])
@pytest.mark.parametrize(
    "content", [b"", b"\r\n", b"\r\n--", b"--x", b"\r\n-x\r\n--", b"\0\xff\r\n\r\n--y--\r\n"]
)
def test_parts_have_exactly_their_bytes(content: bytes, size: int) -> None:
    body = b"ignored\r\n--x \t\r\n" + FIELD + content + b"\r\n--x\r\n" + FILE + content
    assert parts_of(body + b"\r\n--x--ignored", size) == [
        (PartHead("metadata"), content),
        (PartHead("audio", "a b.mp3"), content),
    ]


def test_part_has_its_digest() -> None:
    head = FIELD[:-2] + b"Content-Digest: sha-256=:AA==:\r\n\r\n"
    ((found, _),) = parts_of(b"--x\r\n" + head + b"\r\n--x--")
    assert found.digest == "sha-256=:AA==:"


WHOLE = b"--x\r\n" + FIELD + b"{}\r\n--x\r\n" + FILE + b"audio\r\n--x--"


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_form_that_is_cut_off_is_refused(length: int) -> None:
    with pytest.raises(FormInvalid):
        parts_of(WHOLE[:length])


@pytest.mark.parametrize(
    "body",
    [
        b"--x\r\n\r\n\r\n--x--",  # no name
        b"--x\r\nContent-Disposition: attachment; name=a\r\n\r\n\r\n--x--",
        b"--x\r\nContent-Disposition: form-data; filename=a\r\n\r\n\r\n--x--",
        b"--x\r\nContent-Disposition: form-data; name*=nope''a\r\n\r\n\r\n--x--",
        b"--xy\r\n" + FIELD + b"\r\n--x--",
        b"--x\r\n" + FIELD[:-2] + b"Content-Transfer-Encoding: base64\r\n\r\n\r\n--x--",
        b"--x\r\n" + b"a" * (MOST_HEAD_BYTES + 100),
        b"--x\n" + FIELD.replace(b"\r", b"") + b"\n--x--",
        (b"--x\r\n" + FIELD + b"\r\n") * 101 + b"--x--",
    ],
)
def test_malformed_form_is_refused(body: bytes) -> None:
    with pytest.raises(FormInvalid):
        parts_of(body)


@pytest.mark.parametrize("boundary", ["x", "+++", '"a b"', "a" * 70, "----WebKitFormBoundary1"])
def test_boundary(boundary: str) -> None:
    found = boundary_of(f"multipart/form-data; charset=utf-8; boundary={boundary}")
    assert found == boundary.strip('"').encode()


@pytest.mark.parametrize("boundary", ["", "=", "=a" * 40, '="a "', "=ü", "=a\x00", "*=x'y'z"])
def test_boundary_that_is_missing_or_invalid(boundary: str) -> None:
    with pytest.raises(FormInvalid):
        boundary_of(f"multipart/form-data; boundary{boundary}")
