"""Clips."""

from pathlib import PurePosixPath
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from library.validators import validate_audio_url

MAX_DURATION = 3600  # seconds; this is a library of short previews

PLAYED = frozenset(("play_count", "first_played_at", "last_played_at"))  # what plays write


def upload_path(clip: "Clip", filename: str) -> str:
    """Where an uploaded file is stored, below MEDIA_ROOT."""
    return f"uploads/{timezone.now():%Y/%m}/{PurePosixPath(filename).name}"


class ClipQuerySet(models.QuerySet["Clip"]):
    """Clips, some of which may be deleted: a deleted clip keeps its row, and so its plays."""

    def available(self) -> "ClipQuerySet":
        """Those that are not deleted."""
        return self.filter(deleted_at=None)

    def mark_deleted(self) -> int:
        """Delete these clips so that they can be restored; returns how many there were to delete.

        Their plays stay counted, and what was deleted before keeps its time.
        """
        now = timezone.now()
        return self.available().update(deleted_at=now, updated_at=now)

    def restore(self) -> int:
        """Undo the deletion of these clips; returns how many were deleted."""
        return self.exclude(deleted_at=None).update(deleted_at=None, updated_at=timezone.now())


class Clip(models.Model):
    """A short piece of audio: what it is, and where its bytes come from."""

    title = models.CharField(max_length=200)
    description = models.TextField(max_length=5000, blank=True)
    genre = models.CharField(max_length=64)
    duration = models.FloatField(
        help_text="Seconds.", validators=[MinValueValidator(0.001), MaxValueValidator(MAX_DURATION)]
    )
    audio_url = models.CharField(
        "audio URL",
        max_length=2000,
        blank=True,
        validators=[validate_audio_url],
        help_text="http(s) address of the audio. Leave empty if you upload a file.",
    )
    audio_file = models.FileField(
        upload_to=upload_path, max_length=255, blank=True, help_text="Leave empty if it has a URL."
    )
    play_count = models.PositiveBigIntegerField(default=0, editable=False)
    first_played_at = models.DateTimeField(null=True, editable=False)
    last_played_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    # Deleted clips are few, so `available()` reads past them by the primary key, without an index.
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = ClipQuerySet.as_manager()

    class Meta:
        """The list is ordered and paged by the primary key, so it needs no index of its own.

        None on play_count: it would make every play's update rewrite the index (no HOT updates).
        """

        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                name="clip_title_not_blank",
                condition=Q(title__regex=r"\S"),
                violation_error_message="A clip needs a title.",
            ),
            models.CheckConstraint(
                name="clip_genre_not_blank",
                condition=Q(genre__regex=r"\S"),
                violation_error_message="A clip needs a genre.",
            ),
            models.CheckConstraint(
                name="clip_duration_in_range",
                condition=Q(duration__gt=0, duration__lte=MAX_DURATION),
                violation_error_message="The duration is above 0 and at most 3600 seconds.",
            ),
            models.CheckConstraint(
                name="clip_one_audio_source",
                condition=Q(audio_url="") ^ Q(audio_file=""),
                violation_error_message="Give either an audio URL or an audio file.",
            ),
        )

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save a change and note its time, but never what plays have written, or deleted_at.

        What this instance read of them may be old by now: writing it back would lose the plays
        recorded since, or undo a deletion. Only `library.plays` moves the first, and only
        `mark_deleted()` and `restore()` the other.
        """
        if not self._state.adding:
            self.updated_at = timezone.now()
            changed = kwargs.get("update_fields")
            if changed is None:
                changed = [f.name for f in self._meta.concrete_fields if not f.primary_key]
            kwargs["update_fields"] = {*changed, "updated_at"} - PLAYED - {"deleted_at"}
        super().save(*args, **kwargs)

    @property
    def length(self) -> str:
        """The duration for people, as a player shows it: minutes and seconds."""
        minutes, seconds = divmod(int(self.duration + 0.5), 60)
        return f"{minutes}:{seconds:02d}"
