"""What `make run` shows when it is ready: a box of five lines."""

import os
import sys
from typing import TextIO

# Corners, horizontal and vertical line.
DRAWN, TYPED = "╭╮╰╯─│", "++++-|"


def box(lines: dict[str, str], out: TextIO) -> str:
    """Return a box with a line for each title and text.

    It has lines of text instead of drawn ones if `out` isn't a terminal that shows them.
    """
    encoding = (getattr(out, "encoding", None) or "").lower().replace("-", "")
    can_draw = encoding == "utf8" and out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    top_left, top_right, bottom_left, bottom_right, across, down = DRAWN if can_draw else TYPED
    first = max(map(len, lines))
    rows = [f"{title:{first}}  {text}" for title, text in lines.items()]
    width = max(map(len, rows)) + 2
    return "\n".join(
        (
            f"{top_left}{across * width}{top_right}",
            *(f"{down} {row:{width - 2}} {down}" for row in rows),
            f"{bottom_left}{across * width}{bottom_right}",
        )
    )


def show(lines: dict[str, str], *others: str) -> None:
    """Write the box and further lines to standard output, in one piece."""
    text = "\n".join((box(lines, sys.stdout), *others))
    sys.stdout.write(f"\n{text}\n\n")
    sys.stdout.flush()
