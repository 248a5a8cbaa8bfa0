"""Uploads as they arrive: the head of a request, and a file as its body.

The files have no names, so none is left behind when a process is killed.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

from library.api.content_digest import ContentDigest
from library.api.early_look import awaits_body, is_form
from library.api.errors import ContentCoded, LengthRequired, PayloadTooLarge
from library.api.idempotency import key_of
from library.api.multipart import CHUNK, boundary_of
from library.api.protocol_errors import BodyIncomplete, BodyNotStored
from library.api.upload_errors import EmptyBody, PartialBody, RawBodyNeeded
from library.sources.uploaded_file import why_too_large


class ReceivedFile:
    """A file that arrives, and its size and digest. Beyond the limit, bytes are only counted."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - closed by its user
        self.size = 0
        self._sha256 = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.size += len(data)
        if why_too_large(self.size) is None:
            self.file.write(data)
            self._sha256.update(data)

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def check_size(self) -> None:
        """Raise PayloadTooLarge if the file is larger than the service accepts."""
        if why_too_large(self.size):
            raise PayloadTooLarge(settings.CLIPS_AUDIO_MAX_BYTES)
        self.file.flush()
        self.file.seek(0)


def check_head(request: Request) -> None:
    """Raise the error that the head of an upload has."""
    codings = request.headers.get("Content-Encoding", "").split(",")
    if not {coding.strip().lower() for coding in codings} <= {"", "identity"}:
        raise ContentCoded
    if "Content-Range" in request.headers:
        raise PartialBody
    if request.method == "PUT" and is_form(request.META):
        raise RawBodyNeeded
    if request.method == "POST":
        boundary_of(request.META["CONTENT_TYPE"])
    length = request.META.get("CONTENT_LENGTH", "")
    if not length and not awaits_body(request.META):
        raise LengthRequired
    if length == "0" and request.method == "PUT":
        raise EmptyBody
    ContentDigest(request.headers.get("Content-Digest"))
    key_of(request)


@contextmanager
def received_body(request: Request) -> Iterator[ReceivedFile]:
    """Read the body of a request as a file, and keep that until the block ends.

    Raises PayloadTooLarge, EmptyBody or an error of Content-Digest.
    """
    digest = ContentDigest(request.headers.get("Content-Digest"))
    with storing():
        received = ReceivedFile()
    try:
        with storing():
            while data := cast("HttpRequest", request).read(CHUNK):
                digest.add(data)
                received.write(data)
        if received.size < int(request.META["CONTENT_LENGTH"]):
            raise BodyIncomplete
        digest.check()
        received.check_size()
        if not received.size:
            raise EmptyBody
        yield received
    finally:
        received.file.close()


@contextmanager
def storing() -> Iterator[None]:
    """Raise BodyNotStored if the block cannot write a file."""
    try:
        yield
    except OSError:
        raise BodyNotStored from None
