"""Error responses, described from the exceptions: their statuses, codes and sentences."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.http import QueryDict
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, PolymorphicProxySerializer
from rest_framework import exceptions, serializers

from library.api import errors, parameters, protocol_errors, upload_errors
from library.api.listen_reports import ReportSerializer
from library.api.multipart import CUT_OFF
from library.api.openapi.examples import NEW_CLIP
from library.api.serializers import ClipSerializer
from library.api.upload_serializers import ClipMetadataSerializer
from library.audio.errors import CAUSES, AudioUnavailableError
from library.models import MAX_DURATION
from library.sound.failures import REASONS
from library.sources.uploaded_file import TOO_LONG
from library.streams import errors as stream_errors

MOST_LISTED = errors.InvalidClips.most
# A class, or a function that returns an example of it.
MakeError = Callable[[], exceptions.APIException]


class ErrorSerializer(serializers.Serializer[Any]):
    """An error."""

    detail = serializers.CharField(help_text="A sentence for people.")
    code = serializers.CharField(
        help_text="A stable code for programs. Each response lists its codes."
    )


class FieldErrors(serializers.Serializer[Any]):
    """Errors of the fields of a body or the parameters of a query, by name."""


class InvalidClips(ErrorSerializer):
    """The invalid clips of a list."""

    errors = serializers.DictField(  # type: ignore[assignment]  # DRF takes it off the class
        child=FieldErrors(),
        help_text=f"By index in the array, from 0, as a string. Only the first {MOST_LISTED} are "
        "listed; `detail` has the number of all.",
    )


class ExpiredCursor(ErrorSerializer):
    """A cursor whose changes are gone."""

    restart = serializers.URLField(help_text="Where the feed begins.")


class FieldErrorsExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Describes FieldErrors, whose names are not known in advance."""

    target_class = FieldErrors

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        sentences = {"type": "array", "items": {"type": "string"}, "minItems": 1}
        codes = sentences | {
            "description": "For programs: the name and the code of each error, such as "
            "`title.required`, in the order of the sentences. No field has the name of this list."
        }
        return {
            "type": "object",
            "properties": {errors.CODES: codes},
            "additionalProperties": sentences,
            "minProperties": 2,
        }


class ErrorResponse(OpenApiResponse):
    """The errors with one status. They are created whenever the description is generated."""

    def __init__(self, makers: list[MakeError], name: str) -> None:
        self.makers = makers
        shapes = list(dict.fromkeys(_shape(make()) for make in makers))
        self.response = (
            PolymorphicProxySerializer(name, shapes, resource_type_field_name=None)
            if len(shapes) > 1
            else shapes[0]
        )

    @property
    def description(self) -> str:  # type: ignore[override]
        """List the errors, each with its code on a line."""
        return "  \n".join(_description(make()) for make in self.makers)

    @property
    def examples(self) -> list[OpenApiExample]:  # type: ignore[override]
        """Return the body of each error, as a client receives it."""
        found = [make() for make in self.makers]
        titles = [_title(error) for error in found]
        return [
            OpenApiExample(_numbered(titles, place), errors.error_body(error))
            for place, error in enumerate(found)
        ]


def _shape(error: exceptions.APIException) -> type[serializers.Serializer[Any]]:
    if isinstance(error, exceptions.ValidationError):
        return FieldErrors
    if isinstance(error, errors.CursorExpired):
        return ExpiredCursor
    return InvalidClips if isinstance(error, errors.InvalidClips) else ErrorSerializer


def _title(error: exceptions.APIException) -> str:
    return ", ".join(error.detail) if isinstance(error.detail, dict) else str(error.get_codes())


def _numbered(titles: list[str], place: int) -> str:
    """Return a title that no other has: errors with one code have different sentences."""
    earlier = titles[:place].count(titles[place])
    return f"{titles[place]} {earlier + 1}" if earlier else titles[place]


def _description(error: exceptions.APIException) -> str:
    if isinstance(error, exceptions.ValidationError):
        return str(FieldErrors.__doc__)
    return f"`{error.get_codes()}`: {error.detail}"


ANY_OPERATION: tuple[MakeError, ...] = (
    *(errors.BadRequest, errors.UriTooLong, errors.ServerError),
    *(protocol_errors.MisdirectedRequest, protocol_errors.HeaderFieldsTooLarge),
    *(protocol_errors.HeadTooSlow, protocol_errors.TooManyConnections),
    protocol_errors.NoConnections,
    *(errors.DatabaseUnavailable, errors.DatabaseReadOnly, errors.DatabaseBusy),
)


def error_responses(*makers: MakeError, name: str = "") -> dict[Any, ErrorResponse]:
    """Return the responses of an operation by status, with the errors that any operation has.

    `name` is that of the schema for a status whose errors have different shapes.
    """
    by_status: dict[int, list[MakeError]] = {}
    for make in (*makers, *ANY_OPERATION):
        by_status.setdefault(make().status_code, []).append(make)
    return {status: ErrorResponse(by_status[status], name) for status in sorted(by_status)}


def invalid_query(
    known: parameters.Parameters, query: str = "format=xml&page=2"
) -> exceptions.APIException:
    """Return the error that a query with mistakes causes."""
    try:
        parameters.read(QueryDict(query), known)
    except exceptions.ValidationError as error:
        return error
    raise AssertionError("the query should be invalid")


def invalid_body(data: Any, *, many: bool = False) -> exceptions.APIException:
    """Return the error that this body causes."""
    serializer = ClipSerializer(data=data, many=many)
    serializer.is_valid()
    found: Any = serializer.errors
    if many and isinstance(data, list):
        return errors.InvalidClips(found)
    return exceptions.ValidationError(found)


def invalid_report() -> exceptions.APIException:
    """Return the error that a report with mistakes causes."""
    serializer = ReportSerializer(data={"session": "me", "position": -1, "state": "stopped"})
    serializer.is_valid()
    return exceptions.ValidationError(serializer.errors)


def invalid_form() -> exceptions.APIException:
    """Return the errors of a form whose metadata and audio are both wrong."""
    serializer = ClipMetadataSerializer(data={**NEW_CLIP, "title": ""}, context={})
    serializer.is_valid()
    found: Any = dict(serializer.errors)
    sentence = upload_errors.NotAudio.default_detail
    return exceptions.ValidationError(
        {**found, "audio": [exceptions.ErrorDetail(sentence, "not_audio")]}
    )


def too_long() -> exceptions.APIException:
    """Return the error of audio that is longer than a clip may be."""
    sentence = TOO_LONG.format(2 * MAX_DURATION)
    return exceptions.ValidationError({"duration": [exceptions.ErrorDetail(sentence, "max_value")]})


def audio_unavailable(code: str) -> errors.AudioUnavailable:
    """Return the error for a cause of unavailable audio."""
    return errors.AudioUnavailable(AudioUnavailableError(code))


def stream_refused(error: stream_errors.ClientError) -> exceptions.APIException:
    """Return a client error of a stream as an error of the API."""
    refused = exceptions.APIException(error.detail, error.code)
    refused.status_code = error.status
    return refused


_THROTTLED = partial(exceptions.Throttled, 42)
READING: tuple[MakeError, ...] = (
    errors.InvalidToken,
    exceptions.NotAcceptable,
    errors.OtherVersion,
    _THROTTLED,
)
SIGNING_IN: tuple[MakeError, ...] = (
    exceptions.NotAuthenticated,
    errors.InvalidToken,
    errors.PermissionMissing,
    errors.CSRFFailed,
    errors.SecondFactorMissing,
    exceptions.NotAcceptable,
    errors.LengthRequired,
    _THROTTLED,
)
SENDING: tuple[MakeError, ...] = (
    partial(errors.InvalidJSON, 1, 2),
    partial(errors.RepeatedName, "title"),
    partial(errors.PayloadTooLarge, settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
    errors.NotJSON,
    protocol_errors.BodyTooSlow,
    protocol_errors.NoRoomForBody,
    protocol_errors.BodyNotStored,
    errors.ContentCoded,
    *SIGNING_IN,
)
WRITING: tuple[MakeError, ...] = (
    partial(invalid_body, {**NEW_CLIP, "title": "", "duration": 3601, "license": "MIT"}),
    *SENDING,
)
WRITING_MANY: tuple[MakeError, ...] = (
    partial(invalid_body, [NEW_CLIP, {**NEW_CLIP, "title": ""}], many=True),
    partial(invalid_body, NEW_CLIP, many=True),
    *SENDING,
)
# What the head of an upload can have wrong, and its body.
_UPLOADING: tuple[MakeError, ...] = (
    upload_errors.PartialBody,
    upload_errors.DigestInvalid,
    upload_errors.NotAudio,
    upload_errors.DigestMismatch,
    protocol_errors.BodyIncomplete,
)
ADDING: tuple[MakeError, ...] = (
    *WRITING,
    partial(upload_errors.FormInvalid, CUT_OFF),
    invalid_form,
    *_UPLOADING,
)
REPLACING: tuple[MakeError, ...] = (
    too_long,
    upload_errors.EmptyBody,
    upload_errors.RawBodyNeeded,
    partial(errors.PayloadTooLarge, settings.CLIPS_AUDIO_MAX_BYTES),
    *_UPLOADING,
    protocol_errors.BodyTooSlow,
    protocol_errors.NoRoomForBody,
    protocol_errors.BodyNotStored,
    errors.ContentCoded,
    *SIGNING_IN,
)
CHANGING: tuple[MakeError, ...] = (errors.ClipNotFound, errors.Gone, errors.PreconditionFailed)
SHOWING: tuple[MakeError, ...] = (
    errors.ClipNotFound,
    errors.Gone,
    partial(errors.Withdrawn, "Its creator asked us to."),
)
ONCE: tuple[MakeError, ...] = (
    *SHOWING,  # clips of a repeated request
    errors.KeyInvalid,
    errors.KeyInUse,
    errors.KeyReused,
    partial(errors.TooManyKeys, settings.CLIPS_IDEMPOTENCY_KEYS, 600),
)
REPORTING: tuple[MakeError, ...] = (
    invalid_report,
    *SHOWING,
    errors.SessionExpired,
    partial(errors.InvalidJSON, 1, 2),
    partial(errors.RepeatedName, "position"),
    errors.LengthRequired,
    partial(errors.PayloadTooLarge, settings.CLIPS_LISTEN_MAX_BYTES),
    errors.NotJSON,
    protocol_errors.BodyTooSlow,
    protocol_errors.NoRoomForBody,
    protocol_errors.BodyNotStored,
    errors.ContentCoded,
    _THROTTLED,
    partial(errors.TooManyListens, 42),
)
STREAMING: tuple[MakeError, ...] = (
    partial(invalid_query, parameters.STREAM, "part=middle&format=flac&quality=best"),
    errors.WholeNotPublic,
    *SHOWING,
    partial(errors.RenditionFailed, REASONS["damaged"].sentence),
    lambda: stream_refused(stream_errors.AUDIO_CHANGED),
    lambda: stream_refused(stream_errors.range_not_satisfiable(457246)),
    errors.RenditionPending,
    errors.RenditionsFull,
    errors.NoCapacity,
    errors.PlayNotRecorded,
    *(partial(audio_unavailable, code) for code in CAUSES),
)
