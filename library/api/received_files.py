"""Uploads as they arrive: a file in a form, or as the whole body.

The files have no names, so none is left behind when a process is killed.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.request import Request

from library.api.content_digest import ContentDigest
from library.api.early_look import awaits_body, is_form
from library.api.errors import (
    ContentCoded,
    EmptyBody,
    LengthRequired,
    PayloadTooLarge,
    RawBodyNeeded,
)
from library.api.idempotency import key_of
from library.api.json_bodies import strict_json
from library.api.multipart import CHUNK, PartHead, boundary_of, read_parts
from library.api.names import wrong_names
from library.api.protocol_errors import BodyIncomplete, BodyNotStored
from library.sources.uploaded_file import why_too_large

METADATA_BYTES = 500_000  # of the JSON in a form; a clip takes a tenth of it
PARTS = ("metadata", "audio")
Errors = dict[str, list[ErrorDetail]]


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


@dataclass
class Form:
    """A form: the value of its JSON, its file, and errors by the names of its parts."""

    metadata: Any = None
    audio: ReceivedFile | None = None
    errors: Errors = field(default_factory=dict)

    @property
    def identity(self) -> Any:
        """What the same form has when it is sent again, whatever its boundary."""
        return {"metadata": self.metadata, "audio": self.audio and self.audio.sha256}


def check_head(request: Request) -> None:
    """Raise the error that the head of an upload has."""
    codings = request.headers.get("Content-Encoding", "").split(",")
    if not {coding.strip().lower() for coding in codings} <= {"", "identity"}:
        raise ContentCoded
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
def received_form(request: Request) -> Iterator[Form]:
    """Read the form in a request, and keep its file until the block ends.

    Raises FormInvalid, PayloadTooLarge or an error of Content-Digest.
    """
    reading = _FormReading()
    digest = ContentDigest(request.headers.get("Content-Digest"))

    def read(size: int) -> bytes:
        data = cast("HttpRequest", request).read(size)
        digest.add(data)
        return data

    try:
        with _storing():
            read_parts(read, boundary_of(request.META["CONTENT_TYPE"]), reading.begin)
        digest.check()
        yield reading.form()
    finally:
        reading.close()


@contextmanager
def received_body(request: Request) -> Iterator[ReceivedFile]:
    """Read the body of a request as a file, and keep that until the block ends.

    Raises PayloadTooLarge, EmptyBody or an error of Content-Digest.
    """
    digest = ContentDigest(request.headers.get("Content-Digest"))
    with _storing():
        received = ReceivedFile()
    try:
        with _storing():
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
def _storing() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise BodyNotStored from None


class _FormReading:
    """Takes the parts of a form."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._metadata = bytearray()
        self._audio: ReceivedFile | None = None
        self._digests: list[ContentDigest] = []

    def begin(self, head: PartHead) -> Any:
        """Return what takes the content of a part."""
        self._names.append(head.name)
        take: Any = len  # which ignores it
        if self._names.count(head.name) == 1:
            if head.name == "metadata":
                take = self._add_metadata
            elif head.name == "audio":
                self._audio = ReceivedFile(head.file_name)
                take = self._audio.write
        if head.digest is None:
            return take
        digest = ContentDigest(head.digest)
        self._digests.append(digest)

        def take_both(data: bytes) -> None:
            digest.add(data)
            take(data)

        return take_both

    def _add_metadata(self, data: bytes) -> None:
        if len(self._metadata) <= METADATA_BYTES:
            self._metadata += data

    def form(self) -> Form:
        """Return the form. Raises DigestMismatch or PayloadTooLarge."""
        for digest in self._digests:
            digest.check()
        form = Form(audio=self._audio)
        if self._audio is not None:
            self._audio.check_size()
        for name in PARTS:
            if name not in self._names:
                sentence = "This part of the form is missing."
                form.errors[name] = [ErrorDetail(sentence, "required")]
            elif self._names.count(name) > 1:
                form.errors[name] = [ErrorDetail("Send this part once.", "repeated")]
        form.errors |= wrong_names(dict.fromkeys(self._names), PARTS, ())
        if not form.errors.keys() & {"metadata"}:
            form.metadata = self._json(form.errors)
        return form

    def _json(self, errors: Errors) -> Any:
        if len(self._metadata) > METADATA_BYTES:
            sentence = f"Send at most {METADATA_BYTES} bytes of JSON."
            errors["metadata"] = [ErrorDetail(sentence, "max_length")]
            return None
        try:
            return strict_json(bytes(self._metadata))
        except APIException as error:
            sentence = str(error.detail).replace("The request body", "This part")
            errors["metadata"] = [ErrorDetail(sentence, error.default_code)]
            return None

    def close(self) -> None:
        if self._audio is not None:
            self._audio.file.close()


def raise_errors(errors: Errors) -> None:
    """Raise ValidationError if there are any."""
    if errors:
        raise ValidationError(errors)
