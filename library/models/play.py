"""Plays: the events, and the tallies that are kept with them.

All are written by `library.plays` alone, an event and its tallies in one transaction. The events
tell each play; they may be pruned. The tallies tell the sums, for ever, at a cost that does not
grow with the number of plays.
"""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils import timezone

from library.models.clip import Clip

HOST_LENGTH = 253  # characters of a host name at most (RFC 1035, 2.3.4, as text)


class Kind(models.TextChoices):
    """How the audio was asked for."""

    PLAIN = "plain", "whole"
    RANGED = "ranged", "by a range from byte 0"


class Client(models.TextChoices):
    """What kind of program asked."""

    BROWSER = "browser"
    PLAYER = "player"
    APP = "app"
    LIBRARY = "library"
    BOT = "bot"
    OTHER = "other"


class PlayEvent(models.Model):
    """One play of one clip, at one time (UTC).

    Partitioned by month of `played_at` (migration 0002, `plays/partitions.py`); the primary key of
    the table is (id, played_at), since a partitioned table's must hold its partition key.
    `bytes_sent` and `completed` come when the stream has ended, and never where nginx sends it.
    """

    clip = models.ForeignKey(
        Clip,
        on_delete=models.PROTECT,  # a clip that was played cannot vanish with its plays
        related_name="play_events",
        db_index=False,  # the index below begins with it
        db_constraint=False,  # PlayTally's holds: its row is written in the same statement
    )
    played_at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=6, choices=Kind)
    listener = models.UUIDField(
        null=True, help_text="Keyed hash of address and user agent; the key lives for a day."
    )
    client = models.CharField(max_length=7, choices=Client)
    referrer = models.CharField(max_length=HOST_LENGTH, blank=True, help_text="Host alone.")
    bytes_sent = models.BigIntegerField(null=True)
    completed = models.BooleanField(null=True)

    class Meta:
        """Read newest first in the back office, where it is called what it is for people."""

        ordering = ("-id",)
        verbose_name = "play"
        indexes = (
            # has this listener played this clip today, or begun it by a range just now?
            models.Index(
                fields=("clip", "listener", "kind", "played_at"), name="play_event_listener"
            ),
        )

    def __str__(self) -> str:
        return f"clip {self.clip_id} at {self.played_at:%Y-%m-%d %H:%M:%S} UTC"


class PlayTally(models.Model):
    """Plays of a clip in a quarter of an hour (its start, UTC).

    Not hours: zones such as Asia/Kolkata begin their days in the middle of one. The offset of
    every zone in use is a multiple of fifteen minutes.
    """

    pk = models.CompositePrimaryKey("clip_id", "quarter")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+", db_index=False)
    quarter = models.DateTimeField()
    plays = models.PositiveIntegerField()  # so that PostgreSQL's sums are integers, not numerics

    class Meta:
        """Read by clip; by time alone where clips are ranked."""

        indexes = (
            # rows come in the order of time, so block ranges find a window at next to no cost
            BrinIndex(fields=("quarter",), name="play_tally_quarter", autosummarize=True),
        )


class AudienceTally(models.Model):
    """Plays of a clip on a day (UTC), by kind of client and referring host.

    `listeners` of them were the first of their listener for this clip on this day.
    """

    pk = models.CompositePrimaryKey("clip_id", "day", "client", "referrer")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    client = models.CharField(max_length=7, choices=Client)
    referrer = models.CharField(max_length=HOST_LENGTH, blank=True)
    plays = models.PositiveBigIntegerField()
    listeners = models.PositiveBigIntegerField()


class CompletionTally(models.Model):
    """Streams of plays that have ended, by clip and quarter of an hour of the play.

    A table of its own, because it is written when streams end: a row that recording a play must
    wait for would let listeners who leave delay those who come.
    """

    pk = models.CompositePrimaryKey("clip_id", "quarter")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+", db_index=False)
    quarter = models.DateTimeField()
    ended = models.PositiveBigIntegerField()
    completed = models.PositiveBigIntegerField()
    bytes_sent = models.PositiveBigIntegerField()


class LibraryTally(models.Model):
    """Plays of all clips in a quarter of an hour; their sum over the slots is the number.

    Each process adds to a slot of its own, so that processes need not wait for one another.
    """

    pk = models.CompositePrimaryKey("quarter", "slot")
    quarter = models.DateTimeField()
    slot = models.SmallIntegerField()
    plays = models.PositiveBigIntegerField()


class ListenerKey(models.Model):
    """The key of a day's listener hashes; the day over, it is deleted."""

    day = models.DateField(primary_key=True)
    key = models.BinaryField()
