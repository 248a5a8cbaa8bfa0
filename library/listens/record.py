"""Record reports of players: what was heard follows from two successive reports.

The part between them counts if the audio was playing, and if that part could be heard in the time
that passed in between, by the clock of the database. So a report cannot credit more than that.
"""

from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from django.conf import settings

from library.direct_connection import Call
from library.models import Part
from library.models.rows import read

# Migration 0027 contains the function (library/migrations/0027_listens.sql).
RECORD = "SELECT library_record_listen(%s, %s, %s, %s, %s, %s) AS outcome"
CALL = b"SELECT library_record_listen($1, $2, $3, $4, $5, false)"


class State(StrEnum):
    """What the audio does from the reported position on."""

    PLAYING = "playing"
    PAUSED = "paused"
    ENDED = "ended"


class Outcome(StrEnum):
    """What became of a report."""

    BEGUN = "begun"
    CONTINUED = "continued"
    ENDED = "ended"  # the listen began more than a day ago
    REFUSED = "refused"  # it would begin a listen, but may not
    MISSING = "missing"  # the public cannot play the clip


class Report(NamedTuple):
    """Where a player is in a clip. `position` is in seconds."""

    session: UUID
    position: float
    state: State


def record(clip_id: int, report: Report, *, may_begin: bool = True) -> Outcome:
    """Record a report in one statement. Raises django.db.Error."""
    [row] = read(RECORD, [*_values(clip_id, report), may_begin], prepared=True)
    return Outcome(row["outcome"])


def call(clip_id: int, report: Report) -> Call:
    """Return the statement that records a report unless it begins a listen."""
    return CALL, [str(value).encode() for value in _values(clip_id, report)]


def _values(clip_id: int, report: Report) -> tuple[int, UUID, int, bool, bool]:
    return (
        clip_id,
        report.session,
        round(report.position * 1000),
        report.state == State.PLAYING,
        settings.CLIPS_PUBLISH == Part.PREVIEW,
    )
