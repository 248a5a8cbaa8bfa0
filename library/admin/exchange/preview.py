"""The preview of an import: rows by their effect, in pages, with old and new values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin.models import LogEntry
from django.core.paginator import Page, Paginator

from library.admin.exchange.columns import to_time
from library.admin.exchange.files import ParsedFile
from library.admin.exchange.plan import Kind, Plan, PlannedRow
from library.cells import to_text
from library.models import Clip

PER_PAGE = 100
LONG = 160  # characters; of a longer value only the part that differs is shown
AROUND = 40  # characters shown on both sides of that part

LABELS = {  # of a row, with its colour
    Kind.INVALID: ("Error", "danger"),
    Kind.NEW: ("New", "success"),
    Kind.UPDATE: ("Changed", "info"),
    Kind.SKIP: ("Unchanged", ""),
}


@dataclass(frozen=True)
class Tab:
    """A tab of the preview, with the rows it shows."""

    name: str
    label: str
    rows: list[PlannedRow]


@dataclass(frozen=True)
class Value:
    """The old and the new value of a column, or its problems."""

    column: str
    old: str = ""
    new: str = ""
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ShownRow:
    """A row with its label, its title and its values, and with what an editor should know."""

    row: PlannedRow
    label: str
    variant: str  # colour of the label
    title: str
    changed_by: str
    duplicate: Clip | None  # a clip that has the audio URL already
    first: int | None  # the number of the first new row with the audio URL, unless it is this one
    values: list[Value]


class Preview:
    """A page of the preview.

    `query` may contain the tab to `show`, its `page`, and the time `since`, after which changes by
    other users are marked.
    """

    def __init__(self, plan: Plan, file: ParsedFile, query: Mapping[str, str]) -> None:
        self.rows = file
        self.added, self.changed, self.problems = (
            len(plan.of_kind(kind)) for kind in (Kind.NEW, Kind.UPDATE, Kind.INVALID)
        )
        self._present = self._with_known_urls(plan)
        self._first = self._first_rows(plan)
        self._since = to_time(query.get("since"))
        self.tabs = self._tabs(plan)
        first = "invalid" if self.problems else "meanwhile"
        names = [tab.name for tab in self.tabs if tab.rows]
        wanted = query.get("show", first)
        self.tab = self.tabs[names.index(wanted) if wanted in names else 0]
        self.page: Page[PlannedRow] = Paginator(self.tab.rows, PER_PAGE).get_page(query.get("page"))

    def _with_known_urls(self, plan: Plan) -> dict[str, Clip]:
        """Return the first clip of the library with each audio URL of a new clip."""
        urls = {row.clip.audio_url for row in plan.of_kind(Kind.NEW) if row.clip} - {""}
        # The second condition is that of the index.
        found = Clip.objects.not_deleted().filter(audio_url__in=urls).exclude(audio_url="")
        clips = found.only("title", "audio_url").order_by("-pk") if urls else ()
        return {clip.audio_url: clip for clip in clips}

    def _first_rows(self, plan: Plan) -> dict[str, int]:
        """Return the number of the first row that adds a clip with each audio URL."""
        first: dict[str, int] = {}
        for row in plan.of_kind(Kind.NEW):
            if row.clip and row.clip.audio_url:
                first.setdefault(row.clip.audio_url, row.number)
        return first

    def _duplicate(self, row: PlannedRow) -> Clip | None:
        is_new = row.kind == Kind.NEW and row.clip is not None
        return self._present.get(row.clip.audio_url) if is_new and row.clip else None

    def _first_with_url(self, row: PlannedRow) -> int | None:
        first = self._first.get(row.clip.audio_url) if row.clip and row.kind == Kind.NEW else None
        return first if first != row.number else None

    @property
    def repeated(self) -> int:
        """How many rows add a clip whose audio URL an earlier row has."""
        return sum(self._first_with_url(row) is not None for row in self.tabs[0].rows)

    @property
    def present(self) -> int:
        """How many rows add a clip whose audio URL a clip of the library has already."""
        return sum(self._duplicate(row) is not None for row in self.tabs[0].rows)

    @property
    def may_be_confirmed(self) -> bool:
        """Whether the import would change anything and has no problems."""
        return not self.problems and bool(self.added or self.changed)

    @property
    def shown(self) -> list[ShownRow]:
        authors = self._authors()
        cells = {row.number: row.cells for row in self.rows.rows}
        return [
            ShownRow(
                row,
                *LABELS[row.kind],
                str(row.clip or "") or to_text(cells[row.number].get("title")),
                authors.get(str(row.clip and row.clip.pk), ""),
                self._duplicate(row),
                self._first_with_url(row),
                _values(row, cells[row.number]),
            )
            for row in self.page
        ]

    def _tabs(self, plan: Plan) -> list[Tab]:
        tabs = [Tab("all", "All", plan.rows)]
        for kind, (label, _) in LABELS.items():
            rows = plan.of_kind(kind)
            plural = "Errors" if kind == Kind.INVALID else label
            tabs += [Tab(kind, plural, rows)] if rows else []
        if since := self._since:
            rows = [row for row in plan.rows if row.existing and row.existing.updated_at > since]
            tabs += [Tab("meanwhile", "Changed by others", rows)] if rows else []
        return tabs

    def _authors(self) -> dict[str, str]:
        """Return the users who have changed clips of this page since, by the id of the clip."""
        if self._since is None:
            return {}
        pks = [row.existing.pk for row in self.page if row.existing]
        entries = LogEntry.objects.filter(
            content_type__app_label="library",
            content_type__model="clip",
            object_id__in=[str(pk) for pk in pks],
            action_time__gt=self._since,
        ).order_by("action_time")
        return {str(pk): name for pk, name in entries.values_list("object_id", "user__username")}


def _values(row: PlannedRow, cells: Mapping[str, Any]) -> list[Value]:
    if row.problems:
        return [
            Value(column, new=_short(to_text(cells.get(column))), problems=problems)
            for column, problems in row.problems.items()
        ]
    if row.existing is None:
        return [Value(column, new=_short(to_text(new))) for column, (_, new) in row.changes.items()]
    return [
        Value(column, *_around(to_text(old), to_text(new)))
        for column, (old, new) in row.changes.items()
    ]


def _around(old: str, new: str) -> tuple[str, str]:
    """Return both texts, or the parts of long texts that differ, with a little context."""
    if max(len(old), len(new)) <= LONG:
        return old, new
    start = _alike(old, new)
    end = _alike(old[start:][::-1], new[start:][::-1])
    return _part(old, start, len(old) - end), _part(new, start, len(new) - end)


def _alike(one: str, other: str) -> int:
    """Return the length of the common start."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _part(text: str, start: int, end: int) -> str:
    start, end = max(0, start - AROUND), min(len(text), end + AROUND)
    part = _short(text[start:end])
    return f"{'…' if start else ''}{part}{'…' if end < len(text) else ''}"


def _short(text: str) -> str:
    return text if len(text) <= 2 * LONG else f"{text[: 2 * LONG]}…"
