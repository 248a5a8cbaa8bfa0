"""The JSON of clips in lists, kept by the clips' values: only the number of plays is inserted.

While clips are played, a list changes all the time, but only in these numbers. Rendering a hundred
rows from what is kept takes a third of the time.
"""

from collections.abc import Iterator, Sequence

import orjson
from rest_framework.request import Request

from library.api.json_bodies import JSONRenderer
from library.api.representation import clips_path, shown
from library.models.rows import Row

MOST = 5_000  # clips, each for one base URL and choice of fields
MAX_BYTES = 32_000_000  # of them all
OVERHEAD = 1_000  # bytes of Python's objects for one of them
# Stands for the number of plays in kept JSON. No text contains it, because quotes are escaped.
_PLAYS = b'"play_count":'
_NUMBER = -(2**53)
_MARK = _PLAYS + str(_NUMBER).encode()
_VARYING = ("play_count", "sorted_by")  # columns that are not compared

Key = tuple[int, str, tuple[str, ...]]
_kept: dict[Key, tuple[list[object], bytes, bytes]] = {}
_size = 0  # at most, because a row that replaces another is added


def fragments(
    rows: Sequence[Row], request: Request, fields: tuple[str, ...]
) -> Iterator[orjson.Fragment]:
    """Yield the JSON of each row, which has the columns of these fields."""
    clips_url = request.build_absolute_uri(clips_path())
    for row in rows:
        key = (row["id"], clips_url, fields)
        values = [value for column, value in row.items() if column not in _VARYING]
        known, head, tail = _kept.get(key, ([], b"", b""))
        if known != values:
            head, tail = _render(row, request, fields)
            _make_room(OVERHEAD + len(clips_url) + 2 * len(head + tail))  # as JSON and as values
            _kept[key] = values, head, tail
        plays = _PLAYS + str(row["play_count"]).encode() if "play_count" in fields else b""
        yield orjson.Fragment(head + plays + tail)


def _make_room(size: int) -> None:
    """Forget all rows if there is no room for another one of this size."""
    global _size
    if len(_kept) >= MOST or _size + size > MAX_BYTES:
        _kept.clear()
        _size = 0
    _size += size


def _render(row: Row, request: Request, fields: tuple[str, ...]) -> tuple[bytes, bytes]:
    """Return the JSON of a row before and after its number of plays."""
    (clip,) = shown([row], request, fields)
    if "play_count" in clip:
        clip["play_count"] = _NUMBER
    head, _, tail = JSONRenderer().render(clip).partition(_MARK)
    return head, tail
