"""What the runs showed, as Markdown."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from benchmarks.players.cases import Case
from benchmarks.players.processes import NAMES
from benchmarks.players.service import Request
from benchmarks.players.sound import FORMATS

RESULTS = Path(__file__).parents[1] / "RESULTS.md"
BEGIN, END = "<!-- players:begin -->", "<!-- players:end -->"
HEADING = """# Results

What was measured, and shown to work. All figures come from a shared, noisy machine with two cores:
ratios count, absolute figures are for orientation.
"""
EXPLANATION = """\
Each line is one player at work on the stream of a clip whose origin sends 250 kB/s: from a cold
store, so that it reads audio that is still coming in, and then from the warm one. ffmpeg, mpv and
VLC write down what they play; the part of the clip that this is, found by correlation, must be the
part they play of the local file. Requests are told by their range, conditional fields and status,
plays are what the service counted. For each line the origin was asked once, and where it broke off
twice."""
COLUMNS = "| player | does | format | shown | cold: requests | plays | warm: requests | plays |"


@dataclass
class Run:
    """A case at a cold or a warm store; `shown` is what the player did, right or wrong."""

    store: str
    clip: int
    seconds: float = 0
    shown: str = ""
    failed: bool = False
    plays: int = 0
    requests: list[Request] = field(default_factory=list)

    @property
    def asked(self) -> str:
        """Its requests in order, equal neighbours together."""
        together = [(text, len(list(some))) for text, some in groupby(map(str, self.requests))]
        return ", ".join(f"{n} times {text}" if n > 1 else text for text, n in together)


def section(done: list[tuple[Case, list[Run]]], versions: list[str], skipped: list[str]) -> str:
    """The section, markers included."""
    lines = [
        BEGIN,
        "## Players",
        "",
        f"`make players`, {datetime.now(UTC).date()}: {', '.join(versions)}.",
        *(f"Skipped: {name} is not installed." for name in skipped),
        "",
        EXPLANATION,
        "",
        COLUMNS,
        re.sub("[^|]+", "---", COLUMNS),
        *(_row(case, runs) for case, runs in done),
        END,
    ]
    return "\n".join(lines)


def _row(case: Case, runs: list[Run]) -> str:
    shown = "; ".join(dict.fromkeys(("**failed**: " if r.failed else "") + r.shown for r in runs))
    cells = [NAMES.get(case.player, case.player), case.does, FORMATS[case.format], shown]
    for number, run in enumerate(runs):
        same = number and run.asked == runs[0].asked
        cells += ["the same" if same else run.asked, str(run.plays)]
    return "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |"


def write(text: str) -> None:
    """Replace the section in the results, or add it."""
    old = RESULTS.read_text() if RESULTS.exists() else HEADING
    before, begin, rest = old.partition(BEGIN)
    after = rest.partition(END)[2] if begin else "\n"
    if not begin:
        before = before.rstrip("\n") + "\n\n"
    RESULTS.write_text(before + text + after)


def failures(done: Iterable[tuple[Case, list[Run]]]) -> int:
    """How many runs failed."""
    return sum(run.failed for _, runs in done for run in runs)
