"""What the service makes of a clip's audio: analyses and renditions."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from library.models.clip import Clip


class AudioAnalysis(models.Model):
    """The last analysis of a clip's audio. `Clip.audio` has its public facts.

    It is outdated if the clip has another source, or if the audio has another entity tag. Without a
    `failure`, all columns have values, except for `fingerprint` and those of a later attempt.
    Before the first analysis, `source` is empty.
    """

    clip = models.OneToOneField(
        Clip, on_delete=models.CASCADE, primary_key=True, related_name="analysis"
    )
    source = models.TextField(blank=True, help_text="The clip's URL or file when it was analysed.")
    audio_etag = models.CharField(
        max_length=100, blank=True, help_text="Of the stream, with its quotes."
    )
    sha256 = models.CharField(
        max_length=64, blank=True, db_index=True, help_text="Of the audio's bytes."
    )
    failure = models.CharField(max_length=64, null=True, help_text="A code of library.sound.")
    analysed_at = models.DateTimeField(default=timezone.now)
    peaks = models.BinaryField(null=True, help_text="library.sound.waveform.Peaks, stored.")
    short_term = ArrayField(
        models.FloatField(), null=True, help_text="Loudness in LUFS, for the loudest excerpt."
    )
    fingerprint = models.BinaryField(null=True)
    # The attempts since then, if the audio could not be read or its decoder was interrupted.
    obstacle = models.CharField(max_length=64, null=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "audio analyses"

    def __str__(self) -> str:
        return f"analysis of clip {self.clip_id}"


class Part(models.TextChoices):
    """Which part of a clip's audio a rendition contains."""

    WHOLE = "whole"
    PREVIEW = "preview"


class Format(models.TextChoices):
    """The codec of a rendition."""

    MP3 = "mp3"
    OPUS = "opus"
    AAC = "aac"


class Quality(models.TextChoices):
    """The bit rate of a rendition."""

    LOW = "low"
    HIGH = "high"


class Rendition(models.Model):
    """A rendition that was requested. `Clip.renditions` lists those that can be played.

    `recipe` identifies the audio and all parameters that it is made from. Until a rendition with
    other parameters is complete, the last one can be played: `file` and all below describe it. The
    file's name contains the hash of its content.
    """

    class State(models.TextChoices):
        """How far the rendition is."""

        PENDING = "pending"
        READY = "ready"
        FAILED = "failed"

    clip = models.ForeignKey(
        Clip,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,  # the constraint has one
    )
    part = models.CharField(max_length=7, choices=Part)
    format = models.CharField(max_length=4, choices=Format)
    quality = models.CharField(max_length=4, choices=Quality)
    state = models.CharField(max_length=7, choices=State, default=State.PENDING)
    recipe = models.CharField(max_length=64, blank=True)
    failure = models.CharField(max_length=64, null=True)
    requested_at = models.DateTimeField(default=timezone.now)
    made_at = models.DateTimeField(null=True)
    # Those of the file that can be played, also while a new one is made.
    audio_sha256 = models.CharField(max_length=64, blank=True, help_text="Of the clip's audio.")
    file = models.CharField(max_length=255, blank=True, db_index=True)
    content_type = models.CharField(max_length=100, blank=True)
    etag = models.CharField(max_length=100, blank=True)
    size_bytes = models.PositiveBigIntegerField(null=True)
    duration = models.FloatField(null=True)
    gain = models.FloatField(null=True, help_text="dB")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("clip", "part", "format", "quality"), name="rendition_once"
            ),
        )
        indexes = (
            # the few that are being made, which are counted at each request for another one
            models.Index(
                fields=("id",), name="rendition_pending", condition=models.Q(state="pending")
            ),
        )

    def __str__(self) -> str:
        return f"{self.part} of clip {self.clip_id} as {self.format}, {self.quality}"
