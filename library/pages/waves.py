"""Waveforms drawn in pages, as the paths of SVG."""

from collections.abc import Iterable
from threading import Lock

from library.models import Clip
from library.models.rows import read
from library.sound.waveform import Peaks, points

BARS, HEIGHT = 96, 32  # of the drawing, which a page stretches
KEPT = 20_000  # paths that a process keeps, of about 700 bytes
_READ = """
SELECT clip_id, audio_etag, peaks FROM library_audioanalysis
WHERE clip_id = ANY(%s) AND peaks IS NOT NULL
"""

_kept: dict[tuple[int, str], str] = {}
_lock = Lock()


def paths_of(clips: Iterable[Clip]) -> dict[int, str]:
    """Return the path of each clip's waveform by its id, without clips that have none.

    Runs one query, for the clips whose paths this process has not kept.
    """
    wanted = {clip.pk: clip.audio["etag"] for clip in clips if clip.audio}
    found = {pk: path for pk, etag in wanted.items() if (path := _kept.get((pk, etag)))}
    missing = [pk for pk in wanted if pk not in found]
    if missing:
        for row in read(_READ, [missing]):
            pk, etag = row["clip_id"], row["audio_etag"]
            if wanted[pk] == etag:
                found[pk] = _keep(pk, etag, path_of(Peaks.from_bytes(bytes(row["peaks"]))))
    return found


def path_of(peaks: Peaks) -> str:
    """Return the path of BARS vertical bars, to be stroked, in a box of BARS by HEIGHT.

    The loudest bar fills the box, and every bar is seen.
    """
    values = points(peaks, BARS)
    loudest = max(1, *map(abs, values))
    bars = []
    for index, (low, high) in enumerate(zip(values[::2], values[1::2], strict=True)):
        size = max(1, round(max(abs(low), abs(high)) * (HEIGHT // 2) / loudest))
        bars.append(f"M{index} {HEIGHT // 2 - size}v{2 * size}")
    return "".join(bars)


def _keep(pk: int, etag: str, path: str) -> str:
    with _lock:
        if len(_kept) >= KEPT:
            del _kept[next(iter(_kept))]
        _kept[pk, etag] = path
    return path
