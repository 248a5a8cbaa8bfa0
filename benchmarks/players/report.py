"""The section of RESULTS.md about players."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

from benchmarks.players.cases import Case
from benchmarks.players.processes import NAMES
from benchmarks.players.renditions import Played
from benchmarks.players.request_log import Request
from benchmarks.players.sound import FORMATS
from benchmarks.results import today

EXPLANATION = """\
Each line is one player on the stream of a clip whose origin sends 250 kB/s: first from a cold
store, where it reads audio that is still being downloaded, then from the warm one. ffmpeg, mpv and
VLC record what they play. Correlation finds the part of the clip that the recording contains; it
must be the part that they play of the local file. Requests are given by range, conditional fields
and status; plays are those that the service counted. The origin received one request for each line,
and two where it broke off."""
RENDITIONS = """\
The same on renditions that the service has made of a whole clip, from `stream?part=whole`. Players
must play the same part as of the downloaded file."""
COLUMNS = "| player | does | format | shown | cold: requests | plays | warm: requests | plays |"


@dataclass
class Run:
    """A case at a cold or a warm store; `shown` describes what the player did, right or wrong."""

    store: str
    clip: int
    seconds: float = 0
    shown: str = ""
    failed: bool = False
    plays: int = 0
    requests: list[Request] = field(default_factory=list)

    @property
    def request_list(self) -> str:
        """The requests in order, with equal neighbours counted."""
        groups = [(text, len(list(equal))) for text, equal in groupby(map(str, self.requests))]
        return ", ".join(f"{n} times {text}" if n > 1 else text for text, n in groups)


def section(
    done: list[tuple[Case, list[Run]]],
    played: list[Played],
    versions: list[str],
    skipped: list[str],
) -> str:
    """Return the section as Markdown."""
    lines = [
        "## Players",
        "",
        f"`make players`, {today()}: {', '.join(versions)}.",
        *(f"Skipped: {name} is not installed." for name in skipped),
        "",
        EXPLANATION,
        "",
        COLUMNS,
        re.sub("[^|]+", "---", COLUMNS),
        *(_row(case, runs) for case, runs in done),
        "",
        RENDITIONS,
        "",
        "| player | does | rendition | shown |",
        "|---|---|---|---|",
        *(each.row() for each in played),
    ]
    return "\n".join(lines)


def _row(case: Case, runs: list[Run]) -> str:
    shown = "; ".join(dict.fromkeys(("**failed**: " if r.failed else "") + r.shown for r in runs))
    cells = [NAMES.get(case.player, case.player), case.does, FORMATS[case.format], shown]
    for number, run in enumerate(runs):
        same = number and run.request_list == runs[0].request_list
        cells += ["the same" if same else run.request_list, str(run.plays)]
    return "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |"


def failures(done: Iterable[tuple[Case, list[Run]]]) -> int:
    """Return the number of failed runs."""
    return sum(run.failed for _, runs in done for run in runs)
