"""Plays."""

from django.db import models
from django.utils import timezone

from library.models.clip import Clip


class PlayEvent(models.Model):
    """One play of one clip, at one time (UTC). Written by `plays.py` alone, never changed."""

    clip = models.ForeignKey(
        Clip,
        on_delete=models.PROTECT,  # a clip that was played cannot vanish with its plays
        related_name="play_events",
        db_index=False,  # the index below begins with it
    )
    played_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """Read by clip and time, newest first in the back office."""

        ordering = ("-id",)
        indexes = (
            # first and last play of a clip, and its plays since a time
            models.Index(fields=("clip", "played_at"), name="play_event_clip_played_at"),
        )

    def __str__(self) -> str:
        return f"clip {self.clip_id} at {self.played_at:%Y-%m-%d %H:%M:%S} UTC"
