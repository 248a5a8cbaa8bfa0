"""The benchmark's section of RESULTS.md: rates next to the peers', other figures, and the goals."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from benchmarks.speed.load import Sample

RATES = (
    "| work | FastAPI sync | FastAPI async | this service | ratio to sync | goal | met "
    "| p50 / p99, ms | CPU, ms: server + PostgreSQL | of FastAPI sync |"
)
FIGURES = "| measured | result | goal | met |"


@dataclass(frozen=True)
class Goal:
    """A bound that a value must not fall below, or not exceed."""

    bound: float
    at_least: bool
    unit: str = ""

    def is_met(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'at least' if self.at_least else 'at most'} {self.bound:g}{self.unit}"


def at_least(bound: float, unit: str = "") -> Goal:
    return Goal(bound, at_least=True, unit=unit)


def at_most(bound: float, unit: str = "") -> Goal:
    return Goal(bound, at_least=False, unit=unit)


@dataclass(frozen=True)
class Comparison:
    """One kind of request to the service, and to its peers if they have it. The goal is a ratio."""

    work: str
    service: Sample
    sync: Sample | None = None
    asynchronous: Sample | None = None
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        """The service's rate divided by that of the synchronous peer."""
        return self.service.rate / self.sync.rate if self.sync else None

    def row(self) -> str:
        samples = (self.sync, self.asynchronous, self.service)
        cells = [self.work, *(f"{each.rate:,.0f}" if each else "" for each in samples)]
        cells.append("" if self.ratio is None else f"{self.ratio:.2f}")
        cells += _goal(self.goal, self.ratio)
        cells += [f"{self.service.p50:.1f} / {self.service.p99:.1f}", _cpu(self.service)]
        return _row([*cells, _cpu(self.sync)])


@dataclass(frozen=True)
class Figure:
    """Another result, as it is shown, and the value of it that has a goal."""

    name: str
    shown: str
    value: float | None = None
    goal: Goal | None = None

    def row(self) -> str:
        return _row([self.name, self.shown, *_goal(self.goal, self.value)])


@dataclass
class Report:
    """All results so far."""

    comparisons: list[Comparison] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)

    def add(self, result: Comparison | Figure) -> None:
        if isinstance(result, Comparison):
            self.comparisons.append(result)
        else:
            self.figures.append(result)

    def tables(self) -> str:
        """Return both tables as Markdown, without those that have no rows."""
        rows = [each.row() for each in self.comparisons]
        tables = [_table(RATES, rows), _table(FIGURES, [each.row() for each in self.figures])]
        return "\n\n".join(table for table in tables if table)

    def unmet(self) -> list[str]:
        """Return the names of what misses its goal."""
        results = [(each.work, each.goal, each.ratio) for each in self.comparisons]
        results += [(each.name, each.goal, each.value) for each in self.figures]
        return [
            name
            for name, goal, value in results
            if goal and value is not None and not goal.is_met(value)
        ]

    def errors(self) -> int:
        """Return the number of failed requests to the service."""
        return round(sum(each.service.errors for each in self.comparisons))

    def others_cpu(self) -> float:
        """Return how many processors other programs kept busy; 0 if nothing was compared."""
        return median([each.service.others_cpu for each in self.comparisons] or [0])


def _goal(goal: Goal | None, value: float | None) -> list[str]:
    if goal is None or value is None:
        return ["", ""]
    return [str(goal), "yes" if goal.is_met(value) else "**no**"]


def _cpu(sample: Sample | None) -> str:
    return f"{sample.server_cpu:.2f} + {sample.database_cpu:.2f}" if sample else ""


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _table(header: str, rows: list[str]) -> str:
    columns = header.count("|") - 1
    return "\n".join([header, "|---" * columns + "|", *rows]) if rows else ""
