"""Reports of players, as JSON."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from rest_framework import serializers
from rest_framework.fields import empty

from library.api.fields import NumberField
from library.api.names import WHOLE, wrong_names
from library.listens.record import Report, State

LAST_POSITION = 86_400  # seconds: a day, much longer than any clip


class SessionField(serializers.UUIDField):
    """A UUID, which JSON has as a string. DRF would accept a number."""

    default_error_messages = {
        "type": "Must be a string.",
        "invalid": "Must be a UUID, such as crypto.randomUUID() returns.",
    }

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str):
            self.fail("type")
        session: UUID = super().to_internal_value(data)
        return session


class ReportSerializer(serializers.Serializer[Report]):
    """Where a player is in a clip, and what it does there."""

    default_error_messages = {"invalid": "Must be a JSON object."}

    session = SessionField(
        help_text="A random UUID that the page makes each time that it is loaded. With the clip, "
        "it identifies a listen for a day from its first report."
    )
    position = NumberField(
        min_value=0, max_value=LAST_POSITION, help_text="Position in the clip, in seconds."
    )
    state = serializers.ChoiceField(
        [str(state) for state in State],
        error_messages={"invalid_choice": f"Must be one of: {', '.join(State)}."},
        help_text="`playing` if the audio goes on from this position. `paused` if it stops there, "
        "or is about to jump to another one. `ended` at the end.",
    )

    def run_validation(self, data: Any = empty) -> Any:
        """Return the values. DRF has another sentence for null than for other values."""
        if data is None:
            message = self.error_messages["invalid"]
            raise serializers.ValidationError({WHOLE: [message]}, "invalid")
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> Report:
        """Return the report. Raises ValidationError with all wrong values and all wrong names."""
        wrong: dict[str, Any] = {}
        if isinstance(data, Mapping):
            wrong = wrong_names(data, Report._fields, ())
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            detail: Any = error.detail
            raise serializers.ValidationError({**detail, **wrong}) from None
        if wrong:
            raise serializers.ValidationError(wrong)
        return Report(values["session"], values["position"], State(values["state"]))


def quick_report(body: bytes) -> Report | None:
    """Return the report of a body as most players send it, or None if the serializer must judge.

    Ten quotes are those of three names and two texts, so no name is repeated or unknown.
    """
    if body.count(b'"') != 10:
        return None
    try:
        found = orjson.loads(body)
        session, position, state = found["session"], found["position"], found["state"]
        if type(position) not in (int, float) or not 0 <= position <= LAST_POSITION:
            return None
        return Report(UUID(session), position, State(state))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
