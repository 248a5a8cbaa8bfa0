"""What OpenAPI says of errors: their shapes, and which can come of what."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, PolymorphicProxySerializer
from rest_framework import serializers

from library.api.openapi.examples import WRONG_CLIPS, WRONG_FIELDS, WRONG_PARAMETERS
from library.audio.errors import CAUSES


class ErrorSerializer(serializers.Serializer[Any]):
    """What went wrong."""

    detail = serializers.CharField(help_text="A sentence for people.")
    code = serializers.CharField(help_text="A stable word for programs.")


class FieldErrors(serializers.Serializer[Any]):
    """What is wrong with each field of the body, or each parameter of the query, by its name."""


class InvalidClips(ErrorSerializer):
    """Which clips of many are wrong."""

    errors = serializers.DictField(  # type: ignore[assignment]  # DRF takes it off the class
        child=FieldErrors(), help_text="By index in the array, from 0, as a string."
    )


class FieldErrorsExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """FieldErrors has whatever names there are."""

    target_class = FieldErrors

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """Lists of sentences, by name."""
        sentences = {"type": "array", "items": {"type": "string"}, "minItems": 1}
        return {"type": "object", "additionalProperties": sentences, "minProperties": 1}


def _one_of(name: str, *shapes: type[serializers.Serializer[Any]]) -> PolymorphicProxySerializer:
    return PolymorphicProxySerializer(name, list(shapes), resource_type_field_name=None)


def error(description: str, **sentences: str) -> OpenApiResponse:
    """An answer with `detail` and `code`; the sentences of each code are its examples."""
    examples = [
        OpenApiExample(code, value={"detail": sentence, "code": code})
        for code, sentence in sentences.items()
    ]
    return OpenApiResponse(ErrorSerializer, description, examples)


def stream_errors(status: int, description: str, **sentences: str) -> OpenApiResponse:
    """An answer of a stream, with the examples of all causes that have this status."""
    causes = {code: sentence for code, (told, sentence, _) in CAUSES.items() if told == status}
    return error(description, **sentences, **causes)


NOT_FOUND = error("There is no such clip.", not_found="No Clip matches the given query.")
DELETED = error("The clip was deleted.", clip_deleted="This clip was deleted.")
GONE = error(
    "The clip was deleted, or editors withdrew it and say why.",
    clip_deleted="This clip was deleted.",
    clip_withdrawn="This clip was withdrawn: Its creator asked us to.",
)
NOT_ACCEPTABLE = error(
    "`Accept` allows no type that there is.",
    not_acceptable="Could not satisfy the request Accept header.",
)
WRONG_TOKEN = error(
    "The token is not valid.",
    invalid_token="This token is not known, was revoked, or its user may not log in.",  # noqa: S106
)
TOO_LONG = error("The address has more than 4,094 bytes.", uri_too_long="URI Too Long.")
TOO_MANY = error(
    "The client has sent too many requests in this minute.",
    throttled="Request was throttled. Expected available in 42 seconds.",
)
QUERY_ERRORS = OpenApiResponse(
    _one_of("QueryErrors", FieldErrors, ErrorSerializer),
    "A parameter is unknown or wrong; each is named, with what is allowed.",
    [OpenApiExample("Wrong parameters", value=WRONG_PARAMETERS)],
)
_NO_JSON = OpenApiExample(
    "Not JSON",
    value={
        "detail": "The body is not JSON: see line 1, column 2.",
        "code": "parse_error",
    },
)
_BODY_ERRORS = OpenApiResponse(
    _one_of("BodyErrors", FieldErrors, ErrorSerializer),
    "The body is wrong: an entry for each field, or a `detail` if it is not JSON or a header is "
    "wrong.",
    [OpenApiExample("Wrong fields", value=WRONG_FIELDS), _NO_JSON],
)
BULK_ERRORS = OpenApiResponse(
    _one_of("BulkErrors", InvalidClips, FieldErrors, ErrorSerializer),
    "Clips are wrong, the list is, or it is not JSON.",
    [
        OpenApiExample("The fourth is wrong", value=WRONG_CLIPS),
        OpenApiExample("Not a list", value={"non_field_errors": ["Expected a list of items."]}),
        _NO_JSON,
    ],
)
READING: dict[Any, Any] = {
    400: QUERY_ERRORS,
    401: WRONG_TOKEN,
    406: NOT_ACCEPTABLE,
    429: TOO_MANY,
}
SIGNING_IN: dict[Any, Any] = {
    401: error(
        "Sign in with a token or a session.",
        not_authenticated="Authentication credentials were not provided.",
        invalid_token="This token is not known, was revoked, or its user may not log in.",  # noqa: S106
    ),
    403: error(
        "The account lacks the permission, or the session its CSRF token or second factor.",
        permission_denied="Your account may not do this: an administrator can give it the "
        "permission.",
        csrf_failed="A request with the session of the back office needs the header X-CSRFToken "
        "with the value of the cookie csrftoken.",
        second_factor_missing="This session lacks the second factor: log in to the back office "
        "first.",
    ),
    406: NOT_ACCEPTABLE,
    411: error(
        "The body came in chunks, without its length.",
        length_required="Send the body with Content-Length, not in chunks.",
    ),
    429: TOO_MANY,
}
WRITING: dict[Any, Any] = {
    400: _BODY_ERRORS,
    **SIGNING_IN,
    413: error(
        "The body is too large.",
        payload_too_large="The body may have 2000000 bytes at most: send less at once.",
    ),
    415: error(
        "The body is not `application/json`.",
        unsupported_media_type='Unsupported media type "text/plain" in request.',
    ),
}
ONCE: dict[Any, Any] = {
    409: error(
        "The first request with this Idempotency-Key still runs.",
        idempotency_key_in_use="The first request with this Idempotency-Key still runs: ask again "
        "shortly.",
    ),
    422: error(
        "This Idempotency-Key came with another body.",
        idempotency_key_reused="This Idempotency-Key came with another body: take a new key for a "
        "new clip.",
    ),
}
MISSING: dict[Any, Any] = {
    404: NOT_FOUND,
    410: DELETED,
    412: error(
        "The clip was changed since the version that `If-Match` names.",
        precondition_failed="The clip was changed since you read it: read it again, then change "
        "that.",
    ),
}
