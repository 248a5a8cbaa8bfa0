"""Clips whose audio is uploaded, as JSON and as a form."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from library.api.fields import Field
from library.api.serializers import WRITABLE, ClipSerializer

BESIDE_AUDIO = tuple(name for name in WRITABLE if name != "audio_url")


class ClipMetadataSerializer(ClipSerializer):
    """A clip whose audio is uploaded with it."""

    # The context has the `measured` duration of the audio in seconds, or None.
    writable = BESIDE_AUDIO

    class Meta(ClipSerializer.Meta):
        fields = BESIDE_AUDIO

    def get_fields(self) -> dict[str, Field]:
        known = super().get_fields()
        fields = {name: known[name] for name in self.writable}
        fields["duration"].required = False
        fields["duration"].help_text = "Seconds. Counts only if the audio cannot be measured."
        return fields

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping) or "audio_url" not in data:
            return super().to_internal_value(data)
        detail: dict[str, Any] = {}
        try:
            super().to_internal_value({k: v for k, v in data.items() if k != "audio_url"})
        except serializers.ValidationError as error:
            detail = dict(error.detail)  # type: ignore[arg-type]
        sentence = "Leave this out: the audio is in the same form."
        raise serializers.ValidationError(
            {**detail, "audio_url": [ErrorDetail(sentence, "audio_uploaded")]}
        )

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        """Take the measured duration, and check the preview against it."""
        measured = self.context.get("measured")
        if measured is not None:
            values["duration"] = measured
        if "duration" not in values:  # other errors say why
            return values
        return super().validate(values)


class ClipUploadSerializer(serializers.Serializer[Any]):
    """A form with a clip and its audio."""

    metadata = ClipMetadataSerializer(help_text="JSON.")
    audio = serializers.FileField(help_text="The file. Its bytes decide whether it is audio.")
