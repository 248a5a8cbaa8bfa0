"""Uploads in a form: the metadata of a clip as JSON, and its audio."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from django.http import HttpRequest
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.request import Request

from library.api.content_digest import ContentDigest
from library.api.json_bodies import strict_json
from library.api.multipart import PartHead, boundary_of, read_parts
from library.api.names import wrong_names
from library.api.received_files import ReceivedFile, storing

METADATA_BYTES = 500_000  # of the JSON in a form; a clip takes a tenth of it
PARTS = ("metadata", "audio")
Errors = dict[str, list[ErrorDetail]]


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
        with storing():
            read_parts(read, boundary_of(request.META["CONTENT_TYPE"]), reading.begin)
        digest.check()
        yield reading.form()
    finally:
        reading.close()


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
            value = strict_json(bytes(self._metadata))
        except APIException as error:
            sentence = str(error.detail).replace("The request body", "This part")
            errors["metadata"] = [ErrorDetail(sentence, error.default_code)]
            return None
        if not isinstance(value, dict):
            errors["metadata"] = [
                ErrorDetail("Send a JSON object with the fields of a clip.", "invalid")
            ]
            return None
        return value

    def close(self) -> None:
        if self._audio is not None:
            self._audio.file.close()


def raise_errors(errors: Errors) -> None:
    """Raise ValidationError if there are any."""
    if errors:
        raise ValidationError(errors)
