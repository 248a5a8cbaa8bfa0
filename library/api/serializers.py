"""Clips as JSON."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty

from library.api import representation
from library.api.fields import BODY_FIELDS, AudioURLField, Field, body_field
from library.api.names import WHOLE, wrong_names
from library.models import Clip, Format, Health, Part, Quality
from library.models.fields import CLIP_FIELDS, Writer, written_by
from library.models.insertion import add_clip
from library.renditions.excerpt import FIELDS as PREVIEW_FIELDS
from library.renditions.excerpt import Choice, mistakes

ADDED = ("duplicates", "proposals", "warnings")  # to a clip in the response to its addition
WRITABLE = tuple(name for name in representation.FIELDS if name in written_by(Writer.EDITORS))
READ_ONLY = frozenset((*representation.FIELDS, *ADDED)) - frozenset(WRITABLE)


class HealthSerializer(serializers.Serializer[dict[str, Any]]):
    """The result of the last check of the audio's source."""

    status = serializers.ChoiceField(Health.choices)
    reason = serializers.CharField(allow_null=True, help_text="While failing: a stable word.")
    since = serializers.DateTimeField(allow_null=True, help_text="Start of this state.")


class GainSerializer(serializers.Serializer[dict[str, Any]]):
    """Gain in dB to a target loudness, without exceeding a true peak of -1 dBTP."""

    def get_fields(self) -> dict[str, Field]:
        return {
            target: serializers.FloatField(allow_null=True, help_text=f"To {target} LUFS.")
            for target in ("-14", "-18")
        }


class AudioSerializer(serializers.Serializer[dict[str, Any]]):
    """Facts about the audio, measured by decoding it."""

    etag = serializers.CharField(help_text="ETag of the audio that was analysed.")
    container = serializers.CharField()
    codec = serializers.CharField()
    lossless = serializers.BooleanField()
    duration = serializers.FloatField(help_text="Seconds.")
    sample_rate = serializers.IntegerField(help_text="Hz.")
    channels = serializers.IntegerField()
    bit_rate = serializers.IntegerField(help_text="Bits per second.")
    loudness = serializers.FloatField(
        allow_null=True, help_text="Integrated loudness in LUFS (EBU R 128); null for silence."
    )
    loudness_range = serializers.FloatField(
        allow_null=True, help_text="Loudness range in LU (EBU Tech 3342); null for short audio."
    )
    true_peak = serializers.FloatField(
        allow_null=True, help_text="True peak in dBTP; null for silence."
    )
    gain = GainSerializer()
    leading_silence = serializers.FloatField(help_text="Seconds below -60 dBFS at the start.")
    trailing_silence = serializers.FloatField(help_text="Seconds below -60 dBFS at the end.")
    clippings = serializers.IntegerField(help_text="Runs of at least 3 samples at full scale.")
    truncated = serializers.BooleanField(
        help_text="Whether the audio is shorter than its file declares."
    )
    damaged_packets = serializers.IntegerField(help_text="Packets that could not be decoded.")


class RenditionSerializer(serializers.Serializer[dict[str, Any]]):
    """A rendition of the audio that can be played."""

    part = serializers.ChoiceField(Part.choices)
    format = serializers.ChoiceField(Format.choices)
    quality = serializers.ChoiceField(Quality.choices)
    duration = serializers.FloatField(help_text="Seconds.")
    size_bytes = serializers.IntegerField()
    content_type = serializers.CharField()
    url = serializers.URLField()
    etag = serializers.CharField()


class ClipListSerializer(serializers.ListSerializer[Any]):
    """The clips of a body."""

    default_error_messages = {"not_a_list": "Must be a JSON array of clips."}

    def run_validation(self, data: Any = empty) -> Any:
        """Return the values. DRF has another sentence for null than for other values."""
        if data is None:
            self.fail("not_a_list")
        return super().run_validation(data)


class ClipSerializer(serializers.ModelSerializer[Clip]):
    """A clip. Clients add clips by the URL of their audio; only editors upload audio."""

    serializer_field_mapping = BODY_FIELDS
    default_error_messages = {"invalid": "Must be a JSON object."}
    writable = WRITABLE

    audio_url = AudioURLField(
        max_length=2000,
        help_text="Where the audio is downloaded from: http or https, a public host, port 80 or "
        "443. The stream's own URL if the audio was uploaded, or if the operator publishes only "
        "previews; a change that sends it back leaves the source unchanged.",
    )
    stream_url = serializers.URLField(
        read_only=True, help_text="URL of the audio. Requesting it may count as a play."
    )
    page_url = serializers.URLField(
        read_only=True, help_text="URL of the clip's page for people, to link to and to share."
    )
    licence_url = serializers.URLField(
        read_only=True, allow_null=True, help_text="Terms of the licence."
    )
    attribution = serializers.CharField(
        read_only=True,
        allow_null=True,
        help_text="Credit line to show beside the clip; null if there is nothing to credit.",
    )
    health = HealthSerializer(read_only=True)
    audio = AudioSerializer(read_only=True, allow_null=True)
    preview_url = serializers.URLField(
        read_only=True, allow_null=True, help_text="URL of the preview; null until there is one."
    )
    renditions = RenditionSerializer(many=True, read_only=True)

    class Meta:
        model = Clip
        fields = representation.FIELDS
        read_only_fields = [f.name for f in CLIP_FIELDS if f.writer is not Writer.EDITORS]
        list_serializer_class = ClipListSerializer
        validators = ()  # no constraint of the database spans several fields that clients write

    def get_fields(self) -> dict[str, Field]:
        """Return copies of fields that are built once: building them takes a third of a POST.

        To read a body takes only the writable ones. `to_representation` takes none.
        """
        fields = _built_fields()
        names = self.writable if hasattr(self, "initial_data") else fields
        return {name: copied(fields[name]) for name in names}

    def build_standard_field(self, field_name: str, model_field: Any) -> tuple[Any, dict[str, Any]]:
        return body_field(model_field, *super().build_standard_field(field_name, model_field))

    def create(self, validated_data: dict[str, Any]) -> Clip:
        """Add the clip. DRF would first look for relations, which clips do not have."""
        return add_clip(validated_data)

    def run_validation(self, data: Any = empty) -> Any:
        """Return the values. DRF has another sentence for null than for other values."""
        if data is None:
            message = self.error_messages["invalid"]
            raise serializers.ValidationError({WHOLE: [message]}, "invalid")
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the values. Raises ValidationError with all wrong values and all wrong names."""
        wrong = wrong_names(data, self.writable, READ_ONLY) if isinstance(data, Mapping) else {}
        try:
            values: dict[str, Any] = super().to_internal_value(self._without_stand_in(data))
        except serializers.ValidationError as error:
            detail: Any = error.detail
            raise serializers.ValidationError({**detail, **wrong}) from None
        if wrong:
            raise serializers.ValidationError(wrong)
        return values

    def _without_stand_in(self, data: Any) -> Any:
        """Leave out the URL of the stream, which the clip may show instead of its source's URL."""
        if self.instance is None or not isinstance(data, Mapping):
            return data
        if not representation.is_stream_of(self.instance.pk, data.get("audio_url")):
            return data
        return {name: value for name, value in data.items() if name != "audio_url"}

    def validate_audio_url(self, url: str) -> str:
        """Refuse a URL for a clip with an upload, which would then have two sources."""
        if self.instance is not None and self.instance.audio_file:
            raise serializers.ValidationError(
                "This clip's audio was uploaded. Leave audio_url out. To replace the upload, PUT "
                "a file to the clip's audio.",
                code="audio_uploaded",
            )
        return url

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        """Refuse a preview that the audio has no room for."""
        if not values.keys().isdisjoint((*PREVIEW_FIELDS, "duration")):
            choice = Choice(*(self._value(values, name) for name in PREVIEW_FIELDS))
            if found := mistakes(choice, self._duration(values)):
                raise serializers.ValidationError(found)
        return values

    def _value(self, values: dict[str, Any], name: str) -> Any:
        return values.get(name, getattr(self.instance, name, None))

    def _duration(self, values: dict[str, Any]) -> float:
        """Return the duration of the audio: the measured one unless the source changes."""
        clip = self.instance
        if clip and clip.audio and values.get("audio_url", clip.audio_url) == clip.audio_url:
            return float(clip.audio["duration"])
        return float(self._value(values, "duration"))

    def to_representation(self, instance: Clip) -> dict[str, Any]:
        """Return the same JSON as the list."""
        row = {column: getattr(instance, column) for column in representation.columns()}
        return representation.shown([row], self.context.get("request"))[0]


def copied(field: Field) -> Field:
    """Return a shallow copy, as `copy.copy` does in five times the time."""
    made: Field = field.__class__.__new__(field.__class__)
    made.__dict__.update(field.__dict__)
    return made


@cache
def _built_fields() -> dict[str, Field]:
    """Return the fields as DRF builds them from the model, bound to no serializer."""
    return super(ClipSerializer, ClipSerializer()).get_fields()
