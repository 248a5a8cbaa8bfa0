"""What `make run` shows when it is ready: a box of five lines."""

import os
import sys
from typing import TextIO

# Above, below, side, horizontal line.
DRAWN = ("╭{}╮", "╰{}╯", "│", "─")
TYPED = ("+{}+", "+{}+", "|", "-")


def box(lines: dict[str, str], out: TextIO) -> str:
    """Return a box with a line for each title and text.

    It has lines of text instead of drawn ones if `out` isn't a terminal that shows them.
    """
    encoding = (getattr(out, "encoding", None) or "").lower().replace("-", "")
    can_draw = (
        encoding == "utf8" and out.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
    )
    above, below, side, line = DRAWN if can_draw else TYPED
    first = max(map(len, lines))
    rows = [f"{title:{first}}  {text}" for title, text in lines.items()]
    width = max(map(len, rows))
    border = line * (width + 2)
    middle = (f"{side} {row:{width}} {side}" for row in rows)
    return "\n".join((above.format(border), *middle, below.format(border)))


def show(lines: dict[str, str], *others: str) -> None:
    """Write the box and further lines to standard output, in one piece."""
    write("\n".join(("", box(lines, sys.stdout), *others, "")))


def write(line: str) -> None:
    """Write a line at once, whatever the terminal's encoding lacks."""
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(f"{line}\n".encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()
