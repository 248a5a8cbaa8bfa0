"""Plays: events, and the tallies that count them.

Only `library.plays` writes them, an event and its tallies in one transaction. Each event records a
play, and may be pruned. The tallies keep the sums forever, and reading them costs the same however
many plays there are.
"""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone

from library.models.clip import Clip

HOST_LENGTH = 253  # characters of a host name at most (RFC 1035, 2.3.4, as text)


class Kind(models.TextChoices):
    """Whether the audio was requested as a whole."""

    PLAIN = "plain", "whole"
    RANGED = "ranged", "by a range"


class Client(models.TextChoices):
    """The kind of program that played the audio."""

    BROWSER = "browser"
    PLAYER = "player"
    APP = "app"
    LIBRARY = "library"
    BOT = "bot"
    OTHER = "other"


# The kinds of program with which people listen (/docs/plays). Libraries and bots are programs of
# their own, and a client of kind OTHER does not say what it is.
PEOPLE = (Client.BROWSER, Client.PLAYER, Client.APP)
# In SQL: the condition for a play by people, and the sum of these plays over rows of a tally, which
# is NULL if it is unknown for one of them.
BY_PEOPLE = f"client IN {tuple(map(str, PEOPLE))}"
KNOWN_PEOPLE = "CASE WHEN count(*) = count(people) THEN sum(people)::bigint END"


class PlayEvent(models.Model):
    """One play of one clip, at one time (UTC).

    The table is partitioned by the month of `played_at` (migration 0002, `plays/partitions.py`).
    Its primary key is (id, played_at), because it must contain the partition key. `bytes_sent` and
    `completed` are set when the stream ends, but never if nginx sends the audio.
    """

    clip = models.ForeignKey(
        Clip,
        on_delete=models.PROTECT,  # deleting a clip must not delete its plays
        related_name="play_events",
        db_index=False,  # the index below starts with it
        db_constraint=False,  # PlayTally has one, and its row is written in the same statement
    )
    played_at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=6, choices=Kind)
    listener = models.UUIDField(
        null=True, help_text="Keyed hash of address and user agent; the key changes every day."
    )
    client = models.CharField(max_length=7, choices=Client)
    referrer = models.CharField(max_length=HOST_LENGTH, blank=True, help_text="Only the host.")
    bytes_sent = models.BigIntegerField(null=True)
    completed = models.BooleanField(null=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = "play"
        indexes = (
            # finds earlier plays of a clip by a listener today, and recent requests of ranges
            models.Index(
                fields=("clip", "listener", "kind", "played_at"), name="play_event_listener"
            ),
        )

    def __str__(self) -> str:
        return f"clip {self.clip_id} at {self.played_at:%Y-%m-%d %H:%M:%S} UTC"


class PlayTally(models.Model):
    """Plays of a clip in the quarter of an hour that starts at `quarter` (UTC).

    Hours would not do, because the days of zones such as Asia/Kolkata start in the middle of one.
    The offset of every zone in use is a multiple of fifteen minutes.

    `people` is the number of these plays that were by people (PEOPLE). NULL if it is unknown, which
    it only is for quarters from before it was counted (migration 0026).
    """

    pk = models.CompositePrimaryKey("clip_id", "quarter")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+", db_index=False)
    quarter = models.DateTimeField()
    plays = models.PositiveIntegerField()  # PostgreSQL's sums are then integers, not numerics
    people = models.IntegerField(null=True)

    class Meta:
        constraints = (
            # It holds for new rows only. During an upgrade, a call of the earlier function that
            # records plays fails, and the process repeats it with the current one.
            models.CheckConstraint(name="play_tally_people", condition=Q(people__isnull=False)),
        )
        indexes = (
            # For rankings. Rows arrive in the order of time, so block ranges find a window cheaply.
            BrinIndex(fields=("quarter",), name="play_tally_quarter", autosummarize=True),
        )


class AudienceTally(models.Model):
    """Plays of a clip on a day (UTC), by kind of client and referring host.

    `listeners` is the number of plays that were the first of a listener on this day.
    """

    pk = models.CompositePrimaryKey("clip_id", "day", "client", "referrer")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    client = models.CharField(max_length=7, choices=Client)
    referrer = models.CharField(max_length=HOST_LENGTH, blank=True)
    plays = models.PositiveBigIntegerField()
    listeners = models.PositiveBigIntegerField()


class CompletionTally(models.Model):
    """Ended streams of plays, by clip and by the quarter of an hour of the play.

    This is a separate table because it is written when streams end: with shared rows, listeners
    who leave would delay the recording of new plays.
    """

    pk = models.CompositePrimaryKey("clip_id", "quarter")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+", db_index=False)
    quarter = models.DateTimeField()
    ended = models.PositiveBigIntegerField()
    completed = models.PositiveBigIntegerField()
    bytes_sent = models.PositiveBigIntegerField()


class LibraryTally(models.Model):
    """Plays of all clips in a quarter of an hour, to be summed over all slots.

    Each process adds to its own slot, so that processes do not wait for each other. `people` is as
    in PlayTally.
    """

    pk = models.CompositePrimaryKey("quarter", "slot")
    quarter = models.DateTimeField()
    slot = models.SmallIntegerField()
    plays = models.PositiveBigIntegerField()
    people = models.BigIntegerField(null=True)


class RecentPlays(models.Model):
    """Plays of a clip in the last 30 days, for clips that have any: an order of the list.

    `library.statistics.recent_plays` copies the sums of PlayTally when the order is requested.
    They are not in the clip's row: an index on a column there would make plays slower.
    """

    clip_id = models.BigIntegerField(primary_key=True)
    plays = models.PositiveBigIntegerField()

    class Meta:
        indexes = (models.Index(fields=("plays", "clip_id"), name="recent_plays_order"),)


class ListenerKey(models.Model):
    """The key of a day's listener hashes, which is deleted when the day is over."""

    day = models.DateField(primary_key=True)
    key = models.BinaryField()
