"""Clips as JSON."""

from typing import Any

from rest_framework import serializers
from rest_framework.reverse import reverse

from library.models import MAX_DURATION, Clip
from library.validators import validate_audio_url


class SecondsField(serializers.FloatField):
    """A number of seconds; DRF alone would take `true` and `"30"` for numbers."""

    def to_internal_value(self, data: Any) -> float:
        """The number."""
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        seconds: float = super().to_internal_value(data)
        return seconds


class ClipSerializer(serializers.ModelSerializer[Clip]):
    """A clip. The API adds clips by URL; uploading audio is an editor's affair."""

    title = serializers.CharField(max_length=200, help_text="What the clip is called.")
    description = serializers.CharField(
        max_length=5000, required=False, allow_blank=True, default="", help_text="Free text."
    )
    genre = serializers.CharField(max_length=64, help_text="Such as `ambient` or `jazz`.")
    duration = SecondsField(
        min_value=0.001, max_value=MAX_DURATION, help_text="Seconds, above 0 and at most 3600."
    )
    audio_url = serializers.URLField(
        max_length=2000,
        validators=[validate_audio_url],
        help_text="Where the audio is fetched from when it is first played: http or https, a "
        "public host, port 80 or 443. The stream's own URL if the audio was uploaded.",
    )
    stream_url = serializers.SerializerMethodField(help_text="Plays the audio, and counts it.")

    class Meta:
        """Fields by name: what is not listed is not shown."""

        model = Clip
        fields = (
            "id",
            "title",
            "description",
            "genre",
            "duration",
            "audio_url",
            "stream_url",
            "play_count",
            "created_at",
            "updated_at",
        )
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

    def get_stream_url(self, clip: Clip) -> str:
        """The absolute URL of the clip's stream."""
        url: str = reverse("clip-stream", args=[clip.pk], request=self.context.get("request"))
        return url

    def to_representation(self, instance: Clip) -> dict[str, Any]:
        """A clip whose audio is uploaded has its stream as audio_url."""
        shown: dict[str, Any] = super().to_representation(instance)
        shown["audio_url"] = shown["audio_url"] or shown["stream_url"]
        return shown


class ErrorSerializer(serializers.Serializer[dict[str, str]]):
    """What went wrong."""

    detail = serializers.CharField(help_text="A sentence for people.")
    code = serializers.CharField(help_text="A stable word for programs.")
