"""Reading the clock and writing sections of RESULTS.md for the benchmarks."""

from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"


def today() -> str:
    """Return today's date in UTC."""
    return datetime.now(UTC).date().isoformat()


def write_section(name: str, text: str) -> None:
    """Replace the section between the markers of this name, or add it at the end."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, found, rest = RESULTS.read_text().partition(begin)
    after = rest.partition(end)[2] if found else "\n"
    RESULTS.write_text(before.rstrip("\n") + f"\n\n{begin}\n{text}\n{end}{after}")
