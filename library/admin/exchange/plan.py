"""The plan of an import: all rows are checked first, then all changes are written or none."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any

from django.core.exceptions import ValidationError

from library import history
from library.admin.exchange.files import Row
from library.admin.exchange.verdict import judge
from library.admin.exchange.writing import write
from library.models import Clip
from library.tasks.new_sources import note_first_sources, note_other_sources

MAX_ID = 2**63 - 1
MAX_DIGITS = 100  # Python refuses to convert thousands of digits


class Kind(StrEnum):
    """The effect of a row; the values appear in the preview's addresses."""

    INVALID = "invalid"
    NEW = "new"
    UPDATE = "update"
    SKIP = "skip"


@dataclass(frozen=True)
class PlannedRow:
    """The effect of a row: a clip with its new values, or problems by column."""

    number: int
    kind: Kind
    clip: Clip | None = None
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)  # old and new value
    problems: dict[str, list[str]] = field(default_factory=dict)

    @property
    def existing(self) -> Clip | None:
        """The clip, if it was in the library before the import."""
        return self.clip if self.clip and self.clip.pk else None


class Plan:
    """The changes that an import of these rows would make.

    Nothing is written while rows are checked: an import that wrote each row at once would hold
    locks that delay plays.
    """

    def __init__(self, rows: Sequence[Row], state: str) -> None:
        """`state` is the state of new clips whose row names none. Reads all clips in one query."""
        self._state = state
        self._named = Counter(key for row in rows if (key := _key(row.cells.get("id"))))
        self._clips: dict[int, Clip] = Clip.objects.defer("search_vector").in_bulk(
            [key for key in self._named if key <= MAX_ID]
        )
        self.rows = [self._planned(row) for row in rows]

    def of_kind(self, kind: Kind) -> list[PlannedRow]:
        return [row for row in self.rows if row.kind == kind]

    def fingerprint(self) -> str:
        """Return a digest of everything that the preview shows, to confirm exactly that."""
        digest = sha256()
        for row in self.rows:
            clip = row.clip and (row.clip.pk, row.clip.state)
            digest.update(repr((row.number, row.kind, clip, row.changes, row.problems)).encode())
        return digest.hexdigest()

    def carry_out(self, user: history.Author) -> None:
        """Write the plan. Raises StalePlanError.

        The changed clips come last: plays of these wait until the transaction ends.
        """
        added = Clip.objects.bulk_create(
            [row.clip for row in self.of_kind(Kind.NEW) if row.clip], batch_size=1000
        )
        history.note_additions(user, added)
        note_first_sources(added)
        changed = [(row.clip, row.changes) for row in self.of_kind(Kind.UPDATE) if row.clip]
        history.note_changes(
            user,
            (({name: old for name, (old, _) in row.items()}, clip) for clip, row in changed),
        )
        write([(clip, set(changes)) for clip, changes in changed])
        note_other_sources([clip for clip, changes in changed if "audio_url" in changes])

    def _planned(self, row: Row) -> PlannedRow:
        if row.problem:
            return PlannedRow(row.number, Kind.INVALID, problems={"row": [row.problem]})
        try:
            clip = self._clip(row.cells.get("id"))
        except ValidationError as error:
            return PlannedRow(row.number, Kind.INVALID, problems={"id": error.messages})
        changes, problems = judge(row.cells, clip)
        if problems:
            kind = Kind.INVALID
        elif clip.pk is None:
            kind = Kind.NEW
        else:
            kind = Kind.UPDATE if changes else Kind.SKIP
        return PlannedRow(row.number, kind, clip, changes, problems)

    def _clip(self, cell: Any) -> Clip:
        """Return the clip with the id in the cell, or a new clip. Raises ValidationError."""
        key = _key(cell)
        if key is None:
            return Clip(state=self._state)
        if key == 0:
            raise ValidationError("The id must be a whole number. Leave it empty to add a clip.")
        clip = self._clips.get(key)
        if clip is None:
            raise ValidationError(f"There is no clip {key}. Leave the id empty to add a clip.")
        if clip.deleted_at is not None:
            raise ValidationError("This clip was deleted. Restore it before you change it.")
        if self._named[key] > 1:
            raise ValidationError("This id is in several rows. Keep only one of them.")
        return clip


def _key(cell: Any) -> int | None:
    """Return the id in a cell: None if the cell is empty, 0 if it holds no id."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    if isinstance(cell, str) and len(cell) <= MAX_DIGITS and cell.strip().isdecimal():
        return int(cell)
    return cell if type(cell) is int and cell > 0 else 0
