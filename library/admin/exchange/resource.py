"""Clips as import-export imports them: judged first, then written all at once or not at all."""

from collections import Counter
from hashlib import sha256
from typing import Any

from django.core.exceptions import ValidationError
from import_export.resources import ModelResource
from import_export.results import Result, RowResult

from library import history
from library.admin.exchange.columns import WRITTEN
from library.admin.exchange.files import Rows
from library.admin.exchange.verdict import judge
from library.admin.exchange.writing import ChangedMeanwhileError, write
from library.models import Clip, State

MOST_ID = 2**63 - 1
MOST_DIGITS = 100  # that are read as a number; Python refuses thousands


class ClipRow(RowResult):  # type: ignore[misc]  # import-export has no types
    """What comes of a row."""

    def __init__(self, number: int, clip: Clip | None = None) -> None:
        super().__init__()
        self.number = number
        self.instance = clip
        self.changes: dict[str, tuple[Any, Any]] = {}

    def refuse(self, errors: dict[str, list[str]]) -> None:
        """Tell why not."""
        self.import_type = self.IMPORT_TYPE_INVALID
        self.validation_error = ValidationError(errors)

    @property
    def saved(self) -> Clip | None:
        """The clip that is there already."""
        return self.instance if self.instance and self.instance.pk else None

    @property
    def old(self) -> dict[str, Any]:
        """What was there of what changes."""
        return {name: old for name, (old, _) in self.changes.items()}

    @property
    def problems(self) -> dict[str, list[str]]:
        """Why not, by column."""
        return self.validation_error.message_dict if self.validation_error else {}


class ClipResource(ModelResource):  # type: ignore[misc]
    """An import of clips, keyed by id.

    import-export alone would write rows as it goes, and undo that after a preview: that holds
    locks which plays wait for. So rows are only judged, and what they change is written at the end,
    those clips last that plays might want.
    """

    class Meta:
        """import-export's options."""

        model = Clip
        fields = ("id", *WRITTEN)
        use_bulk = True  # no savepoint for each row

    def __init__(self, state: str = State.DRAFT) -> None:
        """`state` is that of new clips, unless their row says otherwise."""
        super().__init__()
        self.state = state

    def before_import(self, dataset: Rows, **kwargs: Any) -> None:
        """Read all clips that the file names with one query."""
        ids = [row.cells.get("id") for row in dataset]
        self.named = Counter(pk for pk in map(_key, ids) if pk)
        found = Clip.objects.defer("search_vector").in_bulk(
            [pk for pk in self.named if pk <= MOST_ID]
        )
        self.clips: dict[int, Clip] = found

    def import_row(self, row: dict[str, Any], instance_loader: Any, **kwargs: Any) -> ClipRow:
        """Judge a row."""
        number, cells, problem = row["number"], row["cells"], row["problem"]
        result = ClipRow(number)
        if problem:
            result.refuse({"row": [problem]})
            return result
        try:
            clip = self._clip(cells.get("id"))
        except ValidationError as error:
            result.refuse({"id": error.messages})
            return result
        verdict = judge(cells, clip)
        result.instance, result.changes = clip, verdict.changes
        if verdict.errors:
            result.refuse(verdict.errors)
        elif clip.pk is None:
            result.import_type = ClipRow.IMPORT_TYPE_NEW
        else:
            changed = bool(verdict.changes)
            result.import_type = ClipRow.IMPORT_TYPE_UPDATE if changed else ClipRow.IMPORT_TYPE_SKIP
        return result

    def _clip(self, cell: Any) -> Clip:
        """The clip that a row is about. Raises ValidationError."""
        key = _key(cell)
        if key is None:
            return Clip(state=self.state)
        if key == 0:
            raise ValidationError("An id is a whole number. Leave it empty to add a clip.")
        clip = self.clips.get(key)
        if clip is None:
            raise ValidationError(f"There is no clip {key}. Leave the id empty to add a clip.")
        if clip.deleted_at is not None:
            raise ValidationError("This clip was deleted. Restore it before you change it.")
        if self.named[key] > 1:
            raise ValidationError("The file names this clip more than once.")
        return clip

    def after_import(self, dataset: Rows, result: Result, **kwargs: Any) -> None:
        """Write what was judged, if that is what `seen` stands for, as the work of `user`.

        Not import-export's own, which would set the sequence of ids back to the highest that is
        committed: under those that others are just adding.
        """
        if kwargs["dry_run"]:
            return
        if result.invalid_rows or fingerprint(result) != kwargs["seen"]:
            raise ChangedMeanwhileError
        added = Clip.objects.bulk_create(
            [row.instance for row in result if row.import_type == ClipRow.IMPORT_TYPE_NEW],
            batch_size=1000,
        )
        history.note_additions(kwargs["user"], added)
        changed = [row for row in result if row.import_type == ClipRow.IMPORT_TYPE_UPDATE]
        history.note_changes(kwargs["user"], [(row.old, row.instance) for row in changed])
        write([(row.instance, set(row.changes)) for row in changed])

    def handle_import_error(self, result: Result, error: Exception, *_: Any) -> None:
        """Let it out: import-export would note it and go on."""
        raise error


def fingerprint(result: Result) -> str:
    """Stands for all that a preview shows: whoever confirms it confirms exactly that."""
    digest = sha256()
    for row in result:
        clip = row.instance and (row.instance.pk, row.instance.state)
        seen = (row.number, row.import_type, clip, row.changes, row.problems)
        digest.update(repr(seen).encode())
    return digest.hexdigest()


def _key(cell: Any) -> int | None:
    """The id that a cell says: None if it says none, 0 if that is no id."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    if isinstance(cell, str) and len(cell) <= MOST_DIGITS and cell.strip().isdecimal():
        return int(cell)
    return cell if type(cell) is int and cell > 0 else 0
