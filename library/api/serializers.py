"""Clips as JSON."""

from typing import Any

from rest_framework import serializers

from library.api import representation
from library.api.parameters import LicenceField, TagsField
from library.models import MAX_DURATION, Clip, Health, State
from library.models.tag import MAX_TAG_LENGTH, MAX_TAGS
from library.validators import validate_audio_url, validate_web_url


class SecondsField(serializers.FloatField):
    """A number of seconds; DRF alone would take `true` and `"30"` for numbers."""

    def to_internal_value(self, data: Any) -> float:
        """The number."""
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        seconds: float = super().to_internal_value(data)
        return seconds


class TextField(serializers.CharField):
    """Text; DRF alone would make text of numbers."""

    def to_internal_value(self, data: Any) -> str:
        """The text, without white space around it."""
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class HealthSerializer(serializers.Serializer[dict[str, Any]]):
    """Whether the audio could be had when its source was last looked at."""

    status = serializers.ChoiceField(Health.choices)
    reason = serializers.CharField(allow_null=True, help_text="While failing: a stable word.")
    since = serializers.DateTimeField(allow_null=True, help_text="When it came into this state.")


class ClipSerializer(serializers.ModelSerializer[Clip]):
    """A clip. The API adds clips by URL; uploading audio is an editor's affair."""

    title = TextField(max_length=200, help_text="What the clip is called.")
    description = TextField(
        max_length=5000, required=False, allow_blank=True, default="", help_text="Free text."
    )
    genre = TextField(max_length=64, help_text="Such as `ambient` or `jazz`.")
    duration = SecondsField(
        min_value=0.001, max_value=MAX_DURATION, help_text="Seconds, above 0 and at most 3600."
    )
    audio_url = serializers.URLField(
        max_length=2000,
        validators=[validate_audio_url],
        help_text="Where the audio is fetched from when it is first played: http or https, a "
        "public host, port 80 or 443. The stream's own URL if the audio was uploaded.",
    )
    stream_url = serializers.URLField(read_only=True, help_text="Plays the audio, and counts it.")
    tags = TagsField(
        required=False,
        default=list,
        help_text=f"At most {MAX_TAGS} of at most {MAX_TAG_LENGTH} characters, without commas. "
        "Kept in lower case, each once.",
    )
    creator = TextField(
        max_length=200,
        required=False,
        allow_null=True,
        default=None,
        error_messages={"blank": "Give the creator's name, or leave it out."},
        help_text="Whom to credit.",
    )
    creator_url = TextField(
        max_length=2000,
        required=False,
        allow_null=True,
        default=None,
        validators=[validate_web_url],
        error_messages={"blank": "Give the creator's web address, or leave it out."},
        help_text="The creator's web address: http or https.",
    )
    licence = LicenceField(
        required=False,
        allow_null=True,
        default=None,
        error_messages={"blank": "Name a licence, or leave it out."},
        help_text="An SPDX identifier. A Creative Commons licence may be given by its URL.",
    )
    licence_url = serializers.URLField(
        read_only=True, allow_null=True, help_text="What the licence grants."
    )
    attribution = serializers.CharField(
        read_only=True,
        allow_null=True,
        help_text="The credit line, ready to be shown; null if there is nothing to credit.",
    )
    content_type = serializers.CharField(
        read_only=True, allow_null=True, help_text="Of the audio's own bytes; null until known."
    )
    size_bytes = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Of the audio; null until known."
    )
    health = HealthSerializer(read_only=True)
    state = serializers.ChoiceField(
        State.choices,
        read_only=True,
        help_text="`published` wherever a clip is read. A clip that is added is a `draft`, which "
        "nobody can read, until an editor publishes it, where the operator has it so.",
    )

    class Meta:
        """Fields by name: what is not listed is not shown."""

        model = Clip
        fields = representation.FIELDS
        read_only_fields = ("id", "play_count", "created_at", "updated_at")

    def validate_audio_url(self, url: str) -> str:
        """Refuse a URL for a clip that has an upload: it would have two sources."""
        if self.instance is not None and self.instance.audio_file:
            raise serializers.ValidationError(
                "This clip's audio was uploaded: leave audio_url out, or let the back office "
                "replace the upload.",
                code="audio_uploaded",
            )
        return url

    def to_representation(self, instance: Clip) -> dict[str, Any]:
        """As the list shows it."""
        show = representation.shown_to(self.context.get("request"))
        return show(representation.row_of(instance))
