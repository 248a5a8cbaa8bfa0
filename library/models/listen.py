"""Listens: what players report that was heard, and the tallies of finished listens.

Only `library.listens` writes them. They are apart from plays: a play is what the service delivered,
and a listen is what a player says about it.
"""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from library.models.clip import Clip

TWENTIETHS = 20
SHARES = 101  # shares of a clip's duration in per cent, from 0 to 100
SHARE = "least(100, round(100.0 * heard_length / duration))::integer"  # of a listen


class RangesField(models.Field[Any, Any]):
    """Ranges of whole numbers that do not overlap."""

    def db_type(self, connection: Any) -> str:
        return "int4multirange"


class Listen(models.Model):
    """One session of one clip, for a day from its first report. Times in the clip are milliseconds.

    It has no address, no user agent and no listener's hash. There is no foreign key to the clip:
    the statement that adds a row reads the clip, and each check would lock the clip's row.
    """

    pk = models.CompositePrimaryKey("clip_id", "session")
    clip = models.ForeignKey(
        Clip, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    session = models.UUIDField(help_text="Made by the page.")
    began_at = models.DateTimeField(db_index=True, help_text="When its first report arrived.")
    reported_at = models.DateTimeField(help_text="When its last report arrived.")
    position = models.PositiveIntegerField(help_text="In the last report.")
    playing = models.BooleanField(help_text="Whether the audio went on after the last report.")
    duration = models.PositiveIntegerField(help_text="Of the clip, when the listen began.")
    heard = RangesField(help_text="The parts of the clip that were heard.")
    heard_length = models.PositiveIntegerField(help_text="Of these parts together.")
    credited = models.PositiveIntegerField(help_text="The same, limited by the time that passed.")
    twentieths = models.PositiveIntegerField(
        help_text="Bit n is set if at least half of the clip's twentieth n was heard."
    )


class ListenTally(models.Model):
    """The finished listens of a clip that began on a day (UTC)."""

    pk = models.CompositePrimaryKey("clip_id", "day")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    listens = models.PositiveIntegerField()
    credited = models.PositiveBigIntegerField(help_text="Milliseconds heard.")
    shares = ArrayField(
        models.IntegerField(), help_text="Listens by the share of the clip heard, in per cent."
    )
    twentieths = ArrayField(
        models.IntegerField(), help_text="Listens that heard each twentieth of the clip."
    )
