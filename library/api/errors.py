"""The errors of the API: each class holds its status, its code and its sentence.

The OpenAPI description and the responses take all three from here, from DRF's own exceptions and
from `library.audio.errors`.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any, ClassVar, cast

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404
from rest_framework import exceptions
from rest_framework.exceptions import APIException

from library.api.upload_errors import RawBodyNeeded
from library.audio.errors import AudioUnavailableError
from library.database_errors import Fault, fault_of

CODES = "codes"  # the key of the codes among field errors
# Keys of an answer with errors. No field has such a name, and an unknown one is not used as a key.
NOT_NAMES = frozenset((CODES, "code", "detail", "errors"))


class BadRequest(APIException):
    """Django refuses the request before it reaches a view."""

    status_code = 400
    default_code = "bad_request"
    default_detail = "The request is malformed, or its Host header is not allowed."


class InvalidJSON(exceptions.ParseError):
    """The request body is not JSON."""

    default_detail = "The request body is not valid JSON."

    def __init__(self, line: int, column: int) -> None:
        super().__init__(f"{self.default_detail} See line {line}, column {column}.")


class RepeatedName(exceptions.ParseError):
    """An object in the body has a name twice. Which value counts would be a guess (RFC 8259, 4)."""

    default_code = "repeated_name"
    default_detail = "The request body has a name twice in one object."

    def __init__(self, name: str) -> None:
        shown = name if len(name) <= 40 else f"{name[:40]}…"
        super().__init__(f"{self.default_detail.removesuffix('.')}: “{shown}”.")


class NotJSON(exceptions.UnsupportedMediaType):
    """The request body has another media type than JSON, or none."""

    default_detail = "Send Content-Type: application/json."

    def __init__(self) -> None:
        super().__init__("", self.default_detail)


class ContentCoded(APIException):
    """The request body is compressed (RFC 9110, section 15.5.16)."""

    status_code = 415
    default_code = "unsupported_content_encoding"
    default_detail = "Send the request body as it is, without Content-Encoding."
    headers: ClassVar = {"Accept-Encoding": "identity"}


class InvalidClips(APIException):
    """Some clips of a list are invalid. `errors` holds the errors of the first by their index."""

    status_code = 400
    default_code = "invalid_clips"
    default_detail = "No clips were added, because some are invalid."

    most = 20  # clips in an answer, which would else be several times as long as the body

    def __init__(self, errors: dict[int, Any]) -> None:
        listed = f" The errors of the first {self.most} of {len(errors)} are listed."
        super().__init__(f"{self.default_detail}{listed if len(errors) > self.most else ''}")
        self.errors = {str(index): found for index, found in islice(errors.items(), self.most)}


class KeyInvalid(APIException):
    """The Idempotency-Key header has no valid value."""

    status_code = 400
    default_code = "idempotency_key_invalid"
    default_detail = (
        "Send Idempotency-Key once, with 1 to 255 visible ASCII characters without backslash or "
        "comma, such as a UUID. Quotes around it are optional."
    )


class InvalidToken(exceptions.AuthenticationFailed):
    """The bearer token is not in force."""

    default_code = "invalid_token"
    default_detail = (
        "The token is unknown or revoked, or its user is deactivated or has lost staff status."
    )


class PermissionMissing(exceptions.PermissionDenied):
    """The user may not do this."""

    default_detail = "Your account lacks the permission. An administrator can grant it."


class WholeNotPublic(exceptions.PermissionDenied):
    """The operator publishes previews only (CLIPS_PUBLISH)."""

    default_code = "whole_not_public"
    default_detail = "Only a preview of this clip is public. Leave out part=whole to play it."


class CSRFFailed(exceptions.PermissionDenied):
    """The request uses a session, but has no valid CSRF token: another site may have sent it."""

    default_code = "csrf_failed"
    default_detail = (
        "A request that uses a session of the back office needs the header X-CSRFToken with the "
        "value of the cookie csrftoken."
    )


class SecondFactorMissing(exceptions.PermissionDenied):
    """The session was started with a password only."""

    default_code = "second_factor_missing"
    default_detail = "This session lacks the second factor. Log in to the back office first."


class ClipNotFound(exceptions.NotFound):
    """There is no such clip, or it is a draft: the response does not reveal which."""

    default_detail = "There is no clip with this id."


class RenditionFailed(exceptions.NotFound):
    """The rendition cannot be made; `reason` is a sentence of `library.sound`."""

    default_code = "rendition_failed"
    default_detail = "This rendition cannot be made."

    def __init__(self, reason: str = "") -> None:
        super().__init__(f"{self.default_detail} {reason}".strip())


class NotAnalysed(exceptions.NotFound):
    """The audio of the clip cannot be decoded or is not analysed soon; `reason` is a sentence."""

    default_code = "not_analysed"
    default_detail = "The clip has no waveform."

    def __init__(self, reason: str) -> None:
        super().__init__(f"{self.default_detail} {reason}")


class PathNotFound(exceptions.NotFound):
    """No view handles the path."""

    default_detail = "This path does not exist."


class KeyInUse(APIException):
    """The first request with this Idempotency-Key has not finished."""

    status_code = 409
    default_code = "idempotency_key_in_use"
    default_detail = "A request with this Idempotency-Key is in progress. Try again shortly."
    wait = 1  # seconds, for Retry-After


class Gone(APIException):
    """The clip was deleted. Unlike 404, 410 says that it existed."""

    status_code = 410
    default_code = "clip_deleted"
    default_detail = "This clip was deleted."


class Withdrawn(APIException):
    """Editors withdrew the clip, and usually give a reason."""

    status_code = 410
    default_code = "clip_withdrawn"
    default_detail = "This clip was withdrawn."

    def __init__(self, reason: str | None) -> None:
        super().__init__(f"{self.default_detail.removesuffix('.')}: {reason}" if reason else None)


class CursorExpired(APIException):
    """Changes after the cursor are no longer stored, or it is of another history of the library.

    `restart` is the URL of the feed without a cursor, which begins with all public clips.
    """

    status_code = 410
    default_code = "cursor_expired"
    default_detail = (
        "Changes after this cursor are no longer stored. Restart without a cursor: the feed then "
        "begins with every public clip. Remove clips from your copy that it does not contain."
    )

    def __init__(self, restart: str) -> None:
        super().__init__()
        self.restart = restart


class SessionExpired(APIException):
    """The listen that the report belongs to began more than a day ago."""

    status_code = 410
    default_code = "session_expired"
    default_detail = "This session is more than a day old. Continue with another UUID."


class LengthRequired(APIException):
    """The body has no Content-Length. Django would read it as empty."""

    status_code = 411
    default_code = "length_required"
    default_detail = "Send the request body with Content-Length instead of in chunks."


class PreconditionFailed(APIException):
    """If-Match names another version of the clip, or If-Unmodified-Since an earlier time.

    Or If-None-Match names its version.
    """

    status_code = 412
    default_code = "precondition_failed"
    default_detail = (
        "The clip has changed since you read it, or If-None-Match names it. Read it again before "
        "you change it."
    )


class OtherVersion(PreconditionFailed):
    """If-Match of a request that reads names another version, or If-Unmodified-Since a time."""

    default_detail = "This has changed since you read it. Leave out the condition to read it."


class PayloadTooLarge(APIException):
    """The request body, or the audio in it, is larger than `limit` bytes."""

    status_code = 413
    default_code = "payload_too_large"
    default_detail = "The request body is too large."

    def __init__(self, limit: int | None = None) -> None:
        super().__init__(f"{self.default_detail} The limit is {limit} bytes." if limit else None)


class UriTooLong(APIException):
    """The request target is longer than the server accepts."""

    status_code = 414
    default_code = "uri_too_long"
    default_detail = "Send a request target of at most 4094 bytes."


class KeyReused(APIException):
    """The Idempotency-Key belongs to a different request."""

    status_code = 422
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key was used with a different request. Use a new key."


class TooManyKeys(APIException):
    """The client has `limit` keys stored; the first of them expires in `wait` seconds."""

    status_code = 429
    default_code = "too_many_idempotency_keys"
    default_detail = "You have used too many values of Idempotency-Key in the last 24 hours."

    def __init__(self, limit: int, wait: int) -> None:
        detail = self.default_detail.removesuffix(".")
        super().__init__(f"{detail}: the limit is {limit}. Send the request without one, or wait.")
        self.wait = max(1, wait)


class TooManyListens(APIException):
    """Too many sessions were begun from the client's network in this minute.

    Reports of sessions that are known are still accepted.
    """

    status_code = 429
    default_code = "too_many_listens"
    default_detail = "Too many sessions have begun from your network. Begin another one later."

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait


class ServerError(APIException):
    """An unexpected exception, whose traceback is in the log. The sentence is DRF's."""

    default_code = "server_error"


class Unavailable(APIException):
    """The service cannot respond now; the client may try again in `wait` seconds."""

    status_code = 503
    wait = 10


class DatabaseUnavailable(Unavailable):
    """PostgreSQL cannot be reached, or does not respond in time."""

    default_code = "database_unavailable"
    default_detail = "The database is not responding. Try again shortly."


class DatabaseReadOnly(Unavailable):
    """PostgreSQL accepts no changes, for example during a failover."""

    default_code = "database_read_only"
    default_detail = "The database accepts no changes at present. Nothing was changed. Try again."


class DatabaseBusy(Unavailable):
    """PostgreSQL rolled the request back: a lock, a deadlock, or a time limit."""

    default_code = "database_busy"
    default_detail = "The database was too busy. Nothing was changed. Try again shortly."
    wait = 1


class NoCapacity(Unavailable):
    """The process is sending CLIPS_MAX_STREAMS streams."""

    default_code = "no_capacity"
    default_detail = "Too many streams are in progress. Try again shortly."
    wait = 5


class RenditionPending(Unavailable):
    """The rendition is being made, because this request or an earlier one is the first for it."""

    default_code = "rendition_pending"
    default_detail = "This rendition is being made. Try again shortly."
    wait = 2


class RenditionsFull(Unavailable):
    """Too many renditions that clients have requested wait or are stored."""

    default_code = "renditions_full"
    default_detail = (
        "Too many renditions are being made or stored. Try again later, or request a listed one."
    )
    wait = 60


class AnalysisPending(Unavailable):
    """The current audio of the clip has not been analysed yet; `reason` is a sentence or empty."""

    default_code = "analysis_pending"
    default_detail = "The audio has not been analysed yet. Try again shortly."

    def __init__(self, wait: int = Unavailable.wait, reason: str = "") -> None:
        super().__init__(f"There is no analysis yet. {reason} Try again later." if reason else None)
        self.wait = wait


class FacetsBusy(Unavailable):
    """The process is counting other facets, for which it reads every clip."""

    default_code = "facets_busy"
    default_detail = "Other facets are being counted. Try again shortly."
    wait = 1


class PlayNotRecorded(Unavailable):
    """The play could not be committed to the database."""

    default_code = "play_not_recorded"
    default_detail = "The play could not be recorded, so no audio is sent."


class AudioUnavailable(APIException):
    """The clip's audio cannot be served, for one of the causes in `library.audio.errors`."""

    def __init__(self, error: AudioUnavailableError) -> None:
        super().__init__(error.detail, error.code)
        self.status_code = error.status
        self.wait = error.retry_after


_OF_FAULTS = {
    Fault.UNAVAILABLE: DatabaseUnavailable,
    Fault.READ_ONLY: DatabaseReadOnly,
    Fault.BUSY: DatabaseBusy,
}


def api_error(error: BaseException | None) -> APIException:
    """Return the error that the API responds with when this exception is raised."""
    match error:
        case RawBodyNeeded():
            return error
        case exceptions.UnsupportedMediaType():
            return NotJSON()
        case APIException():
            return error
        case AudioUnavailableError():
            return AudioUnavailable(error)
        case Http404():
            return ClipNotFound()
        case RequestDataTooBig():
            return PayloadTooLarge(next((n for n in error.args if isinstance(n, int)), None))
        case SuspiciousOperation():
            return BadRequest()
    fault = fault_of(error)
    return _OF_FAULTS[fault]() if fault else ServerError()


def error_body(error: APIException) -> dict[str, Any]:
    """Return the JSON of a response: field errors by name, or `detail` and `code`."""
    if isinstance(error.detail, dict):
        return with_codes(cast("dict[str, list[Any]]", error.detail))
    body: dict[str, Any] = {"detail": error.detail, "code": error.get_codes()}
    if isinstance(error, InvalidClips):
        body["errors"] = {index: with_codes(found) for index, found in error.errors.items()}
    if isinstance(error, CursorExpired):
        body["restart"] = error.restart
    return body


def with_codes(errors: Mapping[str, list[Any]]) -> dict[str, list[str]]:
    """Return errors by field, with the codes of all of them in the order of the sentences.

    The codes are a list of strings, as the errors of a field are: a client that expects nothing
    else can read it. Its key cannot be a field (NOT_NAMES).
    """
    codes = [f"{name}.{error.code}" for name, found in errors.items() for error in found]
    return {**errors, CODES: codes}
