"""Operations on webhooks, and the requests that receivers get."""

from functools import partial
from typing import Any

from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    OpenApiWebhook,
    extend_schema,
    extend_schema_view,
)
from rest_framework import exceptions, serializers

from library.api import webhook_bodies
from library.api.openapi.errors import (
    SENDING,
    SIGNING_IN,
    MakeError,
    error_responses,
    invalid_query,
)
from library.api.openapi.parameters import (
    EDITORS,
    limits,
    query_parameters,
    request_header,
    response_header,
)
from library.api.webhook_bodies import (
    AddedWebhookSerializer,
    DeliveryNotFound,
    DeliverySerializer,
    IdempotencyKeyNotSupported,
    NothingToResend,
    SecretSerializer,
    SentSerializer,
    TooManySecrets,
    TooManyWebhooks,
    WebhookNotFound,
    WebhookSerializer,
)
from library.models import ChangeKind
from library.models.webhook import MOST_PREVIOUS_SECRETS

_ID = {"type": "integer", "format": "int64", "minimum": 1, "maximum": 10**18 - 1}
_WEBHOOK_ID = OpenApiParameter("id", _ID, OpenApiParameter.PATH, description="The webhook's id.")
_DELIVERY_ID = OpenApiParameter(
    "delivery", _ID, OpenApiParameter.PATH, description="The id of an attempt in the log."
)
_NEW = {"name": "Search index", "url": "https://search.example/clips", "changes": ["published"]}
_WEBHOOK = {
    "id": 3,
    **_NEW,
    "state": "active",
    "paused_reason": None,
    "paused_at": None,
    "failing_since": None,
    "next_attempt_at": None,
    "delivered_at": "2026-11-28T09:15:02Z",
    "delivered_seq": 1042,
    "previous_secret_until": None,
    "created_by": "editor",
    "created_at": "2026-11-01T12:00:00Z",
}
_SECRET = {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
_SENT = {"message_id": "msg_0a1b2c3d4e5f60718293a4b5"}
_DELIVERY = {
    "id": 981,
    "kind": "changes",
    "message_id": "msg_0a1b2c3d4e5f60718293a4b5",
    "after": 1040,
    "until": 1042,
    "changes": 2,
    "at": "2026-11-28T09:15:02Z",
    "seconds": 0.113,
    "status": 503,
    "code": "http_error",
    "detail": "The receiver responded with an error.",
    "response": "Try again later.",
}
_MESSAGE = {
    "type": "clips.changed",
    "timestamp": "2026-11-28T09:15:02Z",
    "data": {
        "changes": [
            {
                "seq": 1042,
                "id": 7,
                "change": "withdrawn",
                "reason": "Rights expired.",
                "at": "2026-11-28T09:15:00.123Z",
            }
        ]
    },
}


def _invalid_webhook() -> exceptions.APIException:
    """Return the error that a body with mistakes causes."""
    serializer = WebhookSerializer(data={"name": "", "url": "http://example.com/", "changes": []})
    serializer.is_valid()
    found: Any = serializer.errors
    return exceptions.ValidationError(found)


def _described(
    name: str, summary: str, description: str, *makers: MakeError, **options: Any
) -> Any:
    """Describe an operation, which takes no parameters unless `known` are given."""
    known = options.pop("known", webhook_bodies.FORMAT)
    shown, status = options.pop("shown"), options.pop("status", 200)
    example = options.pop("example", None)
    examples = list(options.pop("examples", ()))
    if example is not None:
        examples.append(
            OpenApiExample("Response", example, response_only=True, status_codes=[str(status)])
        )
    errors = error_responses(
        partial(invalid_query, known), *makers, *SIGNING_IN, name="WebhookErrors"
    )
    return extend_schema(
        tags=["webhooks"],
        operation_id=name,
        summary=summary,
        description=description,
        auth=EDITORS,
        parameters=[
            *options.pop("path", (_WEBHOOK_ID,)),
            query_parameters(f"{name.title().replace('_', '')}Parameters", known),
            *options.pop("headers", ()),
            *limits(status),
        ],
        responses={status: shown, **errors},
        examples=examples,
        **options,
    )


_BODY = OpenApiExample("A webhook", _NEW, request_only=True)
_MISSING = (WebhookNotFound,)
_WRITING = (_invalid_webhook, *SENDING)

describe_webhooks = extend_schema_view(
    list=_described(
        "list_webhooks",
        "List webhooks",
        "Return all webhooks.",
        shown=WebhookSerializer(many=True),
        example=_WEBHOOK,
        path=(),
    ),
    create=_described(
        "add_webhook",
        "Add a webhook",
        "Let the changes of clips from now on be sent to a URL. The response has the secret that "
        "verifies their signatures. It is not shown again.",
        *_WRITING,
        IdempotencyKeyNotSupported,
        TooManyWebhooks,
        request=WebhookSerializer,
        shown=AddedWebhookSerializer,
        status=201,
        example=_WEBHOOK | _SECRET,
        examples=[_BODY],
        path=(),
        headers=[response_header("Location", "The new webhook's path.", [201])],
    ),
    retrieve=_described(
        "show_webhook",
        "Get a webhook",
        "Return a webhook and the state of its deliveries.",
        *_MISSING,
        shown=WebhookSerializer,
        example=_WEBHOOK,
    ),
    partial_update=_described(
        "change_webhook",
        "Change a webhook",
        "Change its name, URL or kinds of changes. With another `url` or other `changes`, a "
        "message that has failed is tried again at once.",
        *_WRITING,
        *_MISSING,
        request=WebhookSerializer,
        shown=WebhookSerializer,
        example=_WEBHOOK,
        examples=[OpenApiExample("New name", {"name": "Index"}, request_only=True)],
    ),
    destroy=_described(
        "delete_webhook",
        "Delete a webhook",
        "Send nothing more, and delete the log.",
        *_MISSING,
        shown=OpenApiResponse(None, "The webhook was deleted."),
        status=204,
    ),
    pause=_described(
        "pause_webhook",
        "Pause a webhook",
        "Send nothing until it is resumed. Tests and repetitions are sent.",
        *_MISSING,
        IdempotencyKeyNotSupported,
        request=None,
        shown=WebhookSerializer,
        example=_WEBHOOK
        | {
            "state": "paused",
            "paused_reason": "editor",
            "paused_at": "2026-11-28T10:00:00Z",
        },
    ),
    resume=_described(
        "resume_webhook",
        "Resume a webhook",
        "Continue with the first change that was not delivered, at once. Also ends the wait for "
        "the next attempt of a webhook that is failing. Changes older than 30 days are lost; the "
        "log says so with the code `changes_expired`.",
        *_MISSING,
        IdempotencyKeyNotSupported,
        request=None,
        shown=WebhookSerializer,
        example=_WEBHOOK,
    ),
    test=_described(
        "test_webhook",
        "Send a test message",
        "Let a message of the type `clips.test` be sent, also if the webhook is paused. The log "
        "has the result after some seconds.",
        *_MISSING,
        IdempotencyKeyNotSupported,
        request=None,
        shown=SentSerializer,
        status=202,
        example=_SENT,
    ),
    rotate_secret=_described(
        "rotate_webhook_secret",
        "Make a new secret",
        f"Return a new secret, which is not shown again. For {webhook_bodies.HOURS:g} hours, "
        "the previous secret signs, too: messages have a signature with each. After "
        f"{MOST_PREVIOUS_SECRETS} new secrets in that time, the response is 409.",
        *_MISSING,
        IdempotencyKeyNotSupported,
        TooManySecrets,
        request=None,
        shown=SecretSerializer,
        example=_SECRET,
    ),
    deliveries=_described(
        "list_webhook_deliveries",
        "List deliveries",
        "Return the attempts of the last 14 days, the latest first. Follow the link to the `next` "
        "page in `Link`.",
        *_MISSING,
        shown=DeliverySerializer(many=True),
        example=_DELIVERY,
        known=webhook_bodies.DELIVERIES,
        headers=[response_header("Link", "Link to the `next` page (RFC 8288).", [200])],
    ),
    resend=_described(
        "resend_webhook_message",
        "Send a message again",
        "Let the message of an attempt be sent again, with the same `webhook-id` and the same "
        "changes. Deliveries of other changes go on independently.",
        *_MISSING,
        DeliveryNotFound,
        IdempotencyKeyNotSupported,
        NothingToResend,
        request=None,
        shown=SentSerializer,
        status=202,
        example=_SENT,
        path=(_WEBHOOK_ID, _DELIVERY_ID),
    ),
)


class DeliveredChange(serializers.Serializer[Any]):
    """A change of a clip."""

    seq = serializers.IntegerField(help_text="Number of the change in the feed. It rises.")
    id = serializers.IntegerField(help_text="Of the clip.")
    change = serializers.ChoiceField(ChangeKind.values)
    reason = serializers.CharField(allow_null=True, help_text="Of a withdrawal, if there is one.")
    at = serializers.DateTimeField()


class DeliveredChanges(serializers.Serializer[Any]):
    """The changes of a message, in the order of the feed."""

    changes = DeliveredChange(many=True)


class ChangesMessage(serializers.Serializer[Any]):
    """A message of Standard Webhooks."""

    type = serializers.ChoiceField(["clips.changed"])
    timestamp = serializers.DateTimeField(help_text="When the message was made.")
    data = DeliveredChanges()  # type: ignore[assignment]  # DRF takes it off the class


CHANGES = OpenApiWebhook(
    name="clips.changed",
    decorator=extend_schema(
        tags=["webhooks"],
        operation_id="receive_changes",
        summary="Changes of clips",
        description="Sent to the URL of each webhook. Answer with any 2xx within 15 seconds.",
        auth=[],
        parameters=[
            request_header("webhook-id", "Id of the message; the same in each repetition."),
            request_header("webhook-timestamp", "Time of the attempt, in seconds since 1970."),
            request_header("webhook-signature", "One or more signatures, separated by spaces."),
        ],
        request=ChangesMessage,
        responses={204: OpenApiResponse(None, "Received.")},
        examples=[OpenApiExample("A withdrawal", _MESSAGE, request_only=True)],
    ),
)
