"""Adding clips with their audio, and replacing the audio of a clip.

Only editors upload. A file is judged as in the form of the back office, and before any transaction
begins: no lock waits for it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import Error, transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request

from library import history
from library.api.early_look import awaits_body, go_on, is_form
from library.api.errors import NotAudio
from library.api.idempotency import answer_once, key_of
from library.api.proposals import proposals
from library.api.protocol_errors import BodyNotStored
from library.api.received_files import (
    Errors,
    Form,
    ReceivedFile,
    check_head,
    raise_errors,
    received_body,
    received_form,
)
from library.api.upload_serializers import ClipMetadataSerializer
from library.api.writes import ClipWrites, check_change, first_state
from library.audio.containers.reader import Reader
from library.audio.containers.results import EXTENSIONS, Audio, Refusal
from library.audio.duration import measure, truncation
from library.audio.recognition import EMPTY, recognize
from library.models import MAX_DURATION, Clip
from library.renditions.excerpt import Choice, mistakes
from library.sources import uploads
from library.sources.uploaded_file import NOT_MEASURED, TOO_LONG, in_doubt
from library.tasks.new_sources import note_first_sources, note_other_sources


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


class ClipUploads(ClipWrites):
    """Views that receive audio; a base of the clips' viewset."""

    def create(self, request: Request) -> HttpResponseBase:
        if not is_form(request.META):
            return super().create(request)
        check_head(request)
        if awaits_body(request.META):
            return go_on()
        with received_form(request) as form:
            return self._add(request, form)

    def _add(self, request: Request, form: Form) -> HttpResponse:
        judged, values = _checked(form)

        def show(clips: list[Clip]) -> HttpResponse:
            return self._shown(request, clips[0], 201, judged.more())

        with _stored(judged) as store:

            def add() -> list[Clip]:
                with transaction.atomic():
                    clip = Clip(**values, state=first_state(), audio_file=store())
                    _describe(clip, judged)
                    clip.save()
                    history.note_additions(request.user, [clip])
                    note_first_sources([clip], judged.received.sha256)
                return [clip]

            return answer_once(request, add, show, form.identity)

    @action(detail=True, methods=["put"], url_path="audio", url_name="audio")
    def replace_audio(self, request: Request, pk: str) -> HttpResponseBase:
        check_head(request)
        self._look_at_clip(request, pk)
        if awaits_body(request.META):
            return go_on()
        with received_body(request) as received:
            return self._replace(request, pk, received)

    def _look_at_clip(self, request: Request, pk: str) -> None:
        """Raise the error that `_locked` will, unless this may repeat an earlier request."""
        if key_of(request) is None:
            check_change(request, get_object_or_404(Clip, pk=pk))

    def _replace(self, request: Request, pk: str, received: ReceivedFile) -> HttpResponse:
        judged = judge(received)
        if isinstance(judged, Refusal):
            raise NotAudio(judged.sentence)
        raise_errors(_of_duration(judged.seconds))

        def show(clips: list[Clip]) -> HttpResponse:
            return self._shown(request, clips[0], 200, judged.more())

        with _stored(judged) as store:

            def change() -> list[Clip]:
                with transaction.atomic():
                    return [self._changed(request, self._locked(request, pk), judged, store)]

            return answer_once(request, change, show, received.sha256)

    def _changed(
        self, request: Request, clip: Clip, judged: Judged, store: Callable[[], str]
    ) -> Clip:
        before = history.values_of(clip)
        replaced = str(clip.audio_file.name or "")
        if judged.seconds is None:
            judged.warnings.append(KEPT_DURATION)
        clip.duration = judged.seconds or clip.duration
        found = mistakes(Choice.of(clip), judged.seconds)
        raise_errors({name: [ErrorDetail(text, "invalid")] for name, text in found.items()})
        clip.forget_audio()
        clip.audio_url, clip.audio_file = "", store()
        _describe(clip, judged)
        clip.save()
        history.note_changes(request.user, [(before, clip)])
        note_other_sources([clip], judged.received.sha256)
        uploads.delete_replaced(replaced)
        return clip


KEPT_DURATION = (
    "The duration of this file could not be measured, so the clip keeps the one that it had."
)


def _describe(clip: Clip, judged: Judged) -> None:
    clip.content_type, clip.size_bytes = judged.audio.content_type, judged.received.size


def _of_duration(seconds: float | None) -> Errors:
    """Return the error of a duration that a clip cannot have."""
    if seconds is not None and seconds > MAX_DURATION:
        return {"duration": [ErrorDetail(TOO_LONG.format(seconds), "max_value")]}
    return {}


def _checked(form: Form) -> tuple[Judged, dict[str, Any]]:
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
        errors |= _of_duration(seconds)
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


@contextmanager
def _stored(judged: Judged) -> Iterator[Callable[[], str]]:
    """Yield what stores the file and returns its name. If the block fails, no file remains."""
    names: list[str] = []

    def store() -> str:
        received = judged.received
        received.file.seek(0)
        try:
            names.append(uploads.store(received.file, received.name, judged.default_name))
        except OSError:
            raise BodyNotStored from None
        return names[-1]

    try:
        yield store
    except BaseException:
        for name in names:
            # Without a database, nothing shows whether the clip was committed: the file is pruned
            # later if it was not.
            try:
                uploads.delete_if_unused(name)
            except Error:
                break
        raise
