"""Statistics as tables."""

from typing import Any

from library.api.tables import write_table
from library.statistics.windows import WINDOWS

SERIES = ("start", "plays", "people")
_TOTALS = ("id", "title", "play_count", "people_count", "first_played_at", "last_played_at", "rank")
_COMPARED = ("plays", "plays_before", "people", "people_before", "change")
_LISTENERS = ("unique_listeners", "unique_people")
_COMPLETION = ("ended", "completed", "bytes_sent")
CLIPS = (
    *_TOTALS,
    *(f"{sums}_{window.name}" for window in WINDOWS for sums in ("plays", "people")),
    *("since", "until"),
    *(*_COMPARED, *_LISTENERS, *_COMPLETION),
    "missing",
)
CLIPS_SERIES = ("id", "title", *SERIES, "missing")


def series_table(found: dict[str, Any]) -> str:
    """Return the series of a clip or the library."""
    return write_table(SERIES, found["series"])


def clips_table(found: dict[str, Any], *, with_series: bool) -> str:
    """Return a line for each clip, or for each bucket of each clip if they have series.

    Lines with only an id and the reason in the column `missing` follow.
    """
    lines: list[dict[str, Any]] = []
    for clip in found["clips"]:
        if with_series:
            lines += ({"id": clip["id"], "title": clip["title"], **b} for b in clip["series"])
            continue
        recent = {
            f"{sums}_{window.name}": clip[sums][window.name]
            for window in WINDOWS
            for sums in ("plays", "people")
        }
        times = {name: found["period"][name] for name in ("since", "until")}
        lines.append(clip | recent | times | clip["period"] | clip["completion"])
    lines += ({"id": each["id"], "missing": each["reason"]} for each in found["missing"])
    return write_table(CLIPS_SERIES if with_series else CLIPS, lines)
