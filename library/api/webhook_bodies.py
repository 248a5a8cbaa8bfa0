"""Webhooks as JSON, the parameters of their log, and their errors."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from rest_framework import exceptions, serializers
from rest_framework.exceptions import APIException

from library.api.fields import ChoiceParameter, ComposedField, TextField, WholeParameter
from library.api.names import wrong_names
from library.api.parameters import SHOW, LimitParameter, Parameters
from library.changes.webhooks.sending import SENTENCES
from library.changes.webhooks.subscriptions import TooManyWebhooksError
from library.models import (
    ChangeKind,
    DeliveryKind,
    DeliveryOutcome,
    PauseReason,
    Webhook,
    WebhookDelivery,
)
from library.models.webhook import (
    MOST_PREVIOUS_SECRETS,
    NAME_LENGTH,
    PREVIOUS_SECRET_VALID,
    URL_LENGTH,
)
from library.text import validate_line
from library.validators import validate_webhook_url

WRITABLE = ("name", "url", "changes")
KINDS = ChangeKind.values
STATES = ("active", "failing", "paused")
CODES = tuple(code for code in SENTENCES if code)
HOURS = PREVIOUS_SECRET_VALID.total_seconds() / 3600
PURPOSE = "Verifies the signatures (Standard Webhooks). Not shown again."
FORMAT: Parameters = {"format": SHOW["format"]}
DELIVERIES: Parameters = {
    "outcome": ChoiceParameter(DeliveryOutcome.values, help_text="Return only these attempts."),
    "kind": ChoiceParameter(
        DeliveryKind.values,
        help_text="`changes` are the messages of the feed, `test` and `resend` those that an "
        "editor requested.",
    ),
    "before": WholeParameter(
        required=False,
        min_value=1,
        max_value=2**63 - 1,
        help_text="Return attempts with a lower id. Taken from a `Link` header.",
    ),
    "limit": LimitParameter(1000, 100, "Maximum number of attempts on a page."),
    **FORMAT,
}


class WebhookNotFound(exceptions.NotFound):
    """There is no such webhook."""

    default_detail = "There is no webhook with this id."


class DeliveryNotFound(exceptions.NotFound):
    """The webhook's log has no such entry."""

    default_detail = "The webhook's log has no delivery with this id. Old ones are deleted."


class TooManyWebhooks(APIException):
    """There are as many webhooks as allowed."""

    status_code = 409
    default_code = "too_many_webhooks"
    default_detail = str(TooManyWebhooksError())


class TooManySecrets(APIException):
    """Several previous secrets are still valid."""

    status_code = 409
    default_code = "too_many_secrets"
    default_detail = (
        f"{MOST_PREVIOUS_SECRETS} previous secrets still sign, each for {HOURS:g} hours after it "
        "was replaced. Use the current secret, or try again when the oldest has ended."
    )


class IdempotencyKeyNotSupported(APIException):
    """The Idempotency-Key cannot be honoured."""

    status_code = 400
    default_code = "idempotency_key_not_supported"
    default_detail = (
        "Requests for webhooks do not support Idempotency-Key. Leave it out. After a request "
        "without a response, list the webhooks before you repeat it."
    )


class NothingToResend(APIException):
    """The delivery has no changes."""

    status_code = 409
    default_code = "nothing_to_resend"
    default_detail = "This delivery has no changes to send again. Send a new test instead."


class ChangesField(serializers.ListField):
    """Kinds of changes, each once and in the usual order."""

    child = serializers.ChoiceField(KINDS)
    default_error_messages = {
        "type": f"Must be a list with one or more of: {', '.join(KINDS)}.",
    }

    def to_internal_value(self, data: Any) -> list[str]:
        if not isinstance(data, list) or not data or any(kind not in KINDS for kind in data):
            self.fail("type")
        return [kind for kind in KINDS if kind in data]


class WebhookURLField(TextField, serializers.URLField):
    """The URL of a receiver. Only its form is checked, by the policy."""

    def to_internal_value(self, data: Any) -> str:
        url: str = super().to_internal_value(data)
        validate_webhook_url(url)
        return url


class WebhookSerializer(serializers.Serializer[Webhook]):
    """A webhook: the changes of clips are sent to its URL."""

    default_error_messages = {"invalid": "Must be a JSON object."}

    id = serializers.IntegerField(read_only=True)
    name = ComposedField(
        max_length=NAME_LENGTH, validators=[validate_line], help_text="What receives the changes."
    )
    url = WebhookURLField(
        max_length=URL_LENGTH,
        help_text="Where changes are sent by POST: https, a public host, port 443 or 80. The "
        "operator can allow other hosts, also with http.",
    )
    changes = ChangesField(
        required=False,
        min_length=1,
        help_text="The kinds of changes to send; by default all.",
    )
    state = serializers.ChoiceField(
        STATES,
        read_only=True,
        help_text="`failing` while a message is tried again, for a day. `paused` until it is "
        "resumed; nothing is lost in up to 30 days.",
    )
    paused_reason = serializers.ChoiceField(
        PauseReason.choices, read_only=True, allow_null=True, help_text="Null unless it is paused."
    )
    paused_at = serializers.DateTimeField(read_only=True, allow_null=True)
    failing_since = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="Time of the first attempt that failed."
    )
    next_attempt_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="While it is failing."
    )
    delivered_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="Time of the last delivery."
    )
    delivered_seq = serializers.IntegerField(
        source="cursor",
        read_only=True,
        help_text="The `seq` up to which all changes were delivered or are not to be sent.",
    )
    previous_secret_until = serializers.DateTimeField(
        read_only=True,
        allow_null=True,
        help_text=f"Until then, {HOURS:g} hours after a new secret, the one before it signs, "
        "too. Null if none does.",
    )
    created_by = serializers.CharField(
        read_only=True, allow_null=True, help_text="Name of the user who added it."
    )
    created_at = serializers.DateTimeField(read_only=True)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the values. Raises ValidationError with all wrong values and all wrong names."""
        wrong = wrong_names(data, WRITABLE, self.fields) if isinstance(data, Mapping) else {}
        try:
            values: dict[str, Any] = super().to_internal_value(data)
        except serializers.ValidationError as error:
            detail: Any = error.detail
            raise serializers.ValidationError({**detail, **wrong}) from None
        if wrong:
            raise serializers.ValidationError(wrong)
        return values

    def to_representation(self, instance: Webhook) -> dict[str, Any]:
        user: User | None = instance.created_by
        return {
            "id": instance.pk,
            "name": instance.name,
            "url": instance.url,
            "changes": instance.changes,
            "state": instance.state,
            "paused_reason": instance.paused_reason or None,
            "paused_at": instance.paused_at,
            "failing_since": instance.failing_since,
            "next_attempt_at": instance.next_attempt_at,
            "delivered_at": instance.delivered_at,
            "delivered_seq": instance.cursor,
            "previous_secret_until": instance.previous_secret_until,
            "created_by": user.get_username() if user else None,
            "created_at": instance.created_at,
        }


class SecretSerializer(serializers.Serializer[Any]):
    """A new secret. It is shown only once."""

    secret = serializers.CharField(read_only=True, help_text=PURPOSE)


class AddedWebhookSerializer(WebhookSerializer):
    """A webhook that was added, with its secret."""

    secret = serializers.CharField(read_only=True, help_text=PURPOSE)

    def to_representation(self, instance: Webhook) -> dict[str, Any]:
        return super().to_representation(instance) | {"secret": instance.secret}


class SentSerializer(serializers.Serializer[Any]):
    """A message that a worker will send soon."""

    message_id = serializers.CharField(
        read_only=True, help_text="The `webhook-id` of the message, and its id in the log."
    )


class DeliverySerializer(serializers.Serializer[WebhookDelivery]):
    """An attempt to deliver a message."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(DeliveryKind.choices)
    message_id = serializers.CharField(help_text="The `webhook-id` of the message.")
    after = serializers.IntegerField(
        allow_null=True, help_text="The `seq` after which the message's changes begin."
    )
    until = serializers.IntegerField(
        allow_null=True, help_text="The `seq` up to which the message has the changes."
    )
    changes = serializers.IntegerField(help_text="Number of changes.")
    at = serializers.DateTimeField(help_text="When the attempt ended.")
    seconds = serializers.FloatField(help_text="How long it took.")
    status = serializers.IntegerField(
        allow_null=True, help_text="HTTP status of the response; null if there was none."
    )
    code = serializers.ChoiceField(CODES, allow_null=True, help_text="Null if delivered.")
    detail = serializers.CharField(help_text="The same as a sentence for people.")
    response = serializers.CharField(help_text="The beginning of the response's body.")

    def to_representation(self, instance: WebhookDelivery) -> dict[str, Any]:
        return {
            "id": instance.pk,
            "kind": instance.kind,
            "message_id": instance.message_id,
            "after": instance.after,
            "until": instance.until,
            "changes": instance.number,
            "at": instance.at,
            "seconds": instance.seconds,
            "status": instance.status,
            "code": instance.code or None,
            "detail": SENTENCES.get(instance.code, instance.code),
            "response": instance.response,
        }
