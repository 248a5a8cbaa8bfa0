"""Uploads are judged as in the form of the back office: by their bytes, before they are stored."""

from dataclasses import dataclass
from typing import Any

from rest_framework.exceptions import ErrorDetail

from library.api.proposals import proposals
from library.api.received_files import ReceivedFile
from library.api.received_forms import Errors, Form, raise_errors
from library.api.upload_errors import NotAudio
from library.api.upload_serializers import ClipMetadataSerializer
from library.audio.containers.reader import Reader
from library.audio.containers.results import EXTENSIONS, Audio, Refusal
from library.audio.duration import measure, truncation
from library.audio.recognition import EMPTY, recognize
from library.models import MAX_DURATION
from library.sources.uploaded_file import NOT_MEASURED, TOO_LONG, in_doubt


@dataclass
class Judged:
    """A file that is audio: its type, its duration in seconds if known, and what to say of it."""

    received: ReceivedFile
    audio: Audio
    seconds: float | None
    warnings: list[str]

    @property
    def default_name(self) -> str:
        return f"clip.{EXTENSIONS[self.audio.content_type]}"

    def more(self) -> dict[str, Any]:
        """Return what the response has besides the clip."""
        proposed = proposals(self.received.file, self.audio)
        return {"proposals": proposed, "warnings": self.warnings}


def judge(received: ReceivedFile) -> Judged | Refusal:
    """Judge a file by its bytes, and measure it."""
    found = recognize(Reader(received.file))
    if isinstance(found, Refusal):
        return found
    measured = measure(received.file)
    cut = truncation(measured) if measured else None
    return Judged(received, found, measured.seconds if measured else None, [cut] if cut else [])


def of_duration(seconds: float | None) -> Errors:
    """Return the error of a duration that a clip cannot have."""
    if seconds is not None and seconds > MAX_DURATION:
        return {"duration": [ErrorDetail(TOO_LONG.format(seconds), "max_value")]}
    return {}


def checked(form: Form) -> tuple[Judged, dict[str, Any]]:
    """Return the audio and the values of a clip in a form. Raises all errors of both at once."""
    errors: Errors = dict(form.errors)
    judged = judge(form.audio) if form.audio and "audio" not in errors else None
    refusal = judged if isinstance(judged, Refusal) else None
    seconds = judged.seconds if isinstance(judged, Judged) else None
    serializer = ClipMetadataSerializer(data=form.metadata, context={"measured": seconds})
    if "metadata" not in errors and not serializer.is_valid():
        for name, found in serializer.errors.items():
            errors.setdefault(name, []).extend(found)
    if isinstance(judged, Judged) and "duration" not in errors:
        errors |= of_duration(seconds)
        if seconds is None and not errors and "duration" not in serializer.validated_data:
            errors["duration"] = [ErrorDetail(NOT_MEASURED, "required")]
    if refusal is EMPTY:
        errors.setdefault("audio", []).append(ErrorDetail(refusal.sentence, "empty"))
    elif refusal is not None:
        if not errors:
            raise NotAudio(refusal.sentence)
        errors.setdefault("audio", []).append(ErrorDetail(refusal.sentence, "not_audio"))
    raise_errors(errors)
    if not isinstance(judged, Judged):
        raise TypeError  # there would be errors
    values: dict[str, Any] = serializer.validated_data
    given = form.metadata.get("duration", values["duration"])
    if in_doubt(given, seconds):
        judged.warnings.append(
            f"The file is {seconds:g} seconds long, which counts instead of the given {given:g}."
        )
    return judged, values
