"""Pairs of clips with the same audio."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from library.models.clip import Clip


class DuplicateKind(models.TextChoices):
    """What two clips have in common."""

    URL = "url", "the same URL"
    BYTES = "bytes", "the same file"
    SOUND = "sound", "the same sound"


class Landmark(models.Model):
    """A number in a clip's fingerprint: library.sound.fingerprint.landmarks.

    Rows with an index find clips that share several in milliseconds; an array with a GIN index is
    smaller, but took seconds.
    """

    pk = models.CompositePrimaryKey("mark", "clip_id")
    mark = models.IntegerField()
    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="+")


class Duplicate(models.Model):
    """A pair of clips with the same audio, until an editor dismisses it."""

    clip_a = models.ForeignKey(
        Clip,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,  # the constraint has one
    )
    clip_b = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=5, choices=DuplicateKind)
    score = models.FloatField(help_text="1 for the same URL or bytes; 0.75 to 1 for sounds.")
    found_at = models.DateTimeField(default=timezone.now)
    dismissed_at = models.DateTimeField(null=True, help_text="An editor said they differ.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("clip_a", "clip_b", "kind"), name="duplicate_once"),
            models.CheckConstraint(name="duplicate_in_order", condition=Q(clip_a__lt=F("clip_b"))),
        )

    def __str__(self) -> str:
        return f"clips {self.clip_a_id} and {self.clip_b_id}: {self.kind}"
