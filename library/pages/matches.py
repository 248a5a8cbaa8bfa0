"""The ids of the clips that match filters, in order, kept so that every page costs the same.

A page is a part of the kept ids, so it needs neither an offset nor a count. Changes of clips are
applied to kept ids one by one: a list of 100,000 clips is read once, not whenever a clip is added.
"""

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Mapping
from sys import byteorder
from threading import Lock
from typing import Any, NamedTuple, TypeAlias

from library.api.filters import Conditions, matching
from library.api.sorting import Order
from library.changes.feed import CursorExpiredError, changes_after
from library.changes.version import library_token
from library.models.rows import read

MOST_KEPT = 2_000_000  # ids that a process keeps, of 8 bytes
OVERHEAD = 1_000  # ids that take as much memory as the rest of what is kept for a filter
MOST_CHANGES = 1_000  # that are applied to kept ids; after more of them, they are read again
# One value of 8 bytes for each clip is faster than rows or an array.
_STATEMENT = """
SELECT string_agg(int8send(id), '' ORDER BY {order}, id) AS ids FROM library_clip
WHERE {conditions}
"""

Ids: TypeAlias = "array[int]"  # a class cannot be subscripted before Python 3.12


class Matches(NamedTuple):
    """Ids in ascending order: the newest last, or the best match of a search last."""

    changes: int  # of the library, all of which the ids include
    ids: Ids


_kept: OrderedDict[str, Matches] = OrderedDict()
_lock = Lock()  # held while ids are read, so that requests for the same do it once


def ids_of(query: Mapping[str, Any]) -> Ids:
    """Return the ids of the public clips that match the parameters of the API's list.

    The newest is the last; of a search, the best match is. Do not change the array.
    """
    changes = library_token().changes  # before the ids, which are at least as recent
    conditions = matching(query)
    key = repr(conditions)
    kept = _kept.get(key)
    if kept is None or kept.changes != changes:
        with _lock:
            kept = _kept.get(key)
            if kept is None or kept.changes < changes:
                is_search = bool(query.get("search"))
                kept = (kept and _updated(kept, conditions, changes, in_order=not is_search)) or (
                    Matches(changes, _read(query, conditions))
                )
            _keep(key, kept)
    return kept.ids


def forget() -> None:
    """Forget all ids, for tests: after a rollback, the numbers of changes occur again."""
    _kept.clear()


def _updated(
    kept: Matches, conditions: Conditions, changes: int, *, in_order: bool
) -> Matches | None:
    """Return the ids after further changes, or None if they must be read again.

    The order of a search changes with the words of its clips, so only clips outside of it may have
    changed.
    """
    try:
        found = changes_after(kept.changes, MOST_CHANGES + 1)
    except CursorExpiredError:
        return None
    # Some numbers have no change of a clip, such as those of a transaction that is still open.
    if len(found) > MOST_CHANGES or len(found) < changes - kept.changes:
        return None
    changed = {change.clip_id for change in found}
    only_changed = Conditions([*conditions.sql], [*conditions.values])
    only_changed.add("id = ANY(%s::bigint[])", sorted(changed))
    matching_now = set(_ids(only_changed, "id"))
    last = max(changes, found[-1].seq)
    if in_order:
        return Matches(last, _merged(kept.ids, changed, matching_now))
    if matching_now or not changed.isdisjoint(kept.ids):
        return None
    return Matches(last, kept.ids)


def _merged(ids: Ids, changed: set[int], matching_now: set[int]) -> Ids:
    """Return the sorted ids with exactly those of the changed ones that match now."""
    merged = ids
    for pk in sorted(changed):
        place = bisect_left(merged, pk)
        is_present = place < len(merged) and merged[place] == pk
        if is_present == (pk in matching_now):
            continue
        if merged is ids:
            merged = ids[:]  # another thread may be reading them
        if is_present:
            del merged[place]
        else:
            merged.insert(place, pk)
    return merged


def _read(query: Mapping[str, Any], conditions: Conditions) -> Ids:
    if not query.get("search"):
        return _ids(conditions, "id")
    order = Order.of({"search": query["search"]})  # the best match first
    return _ids(conditions, order.expression, *order.values)


def _ids(conditions: Conditions, order: str, *order_values: Any) -> Ids:
    statement = _STATEMENT.format(order=order, conditions=" AND ".join(conditions.sql))
    (row,) = read(statement, [*order_values, *conditions.values])
    ids = array("q", bytes(row["ids"] or b""))
    if byteorder == "little":
        ids.byteswap()  # PostgreSQL sends the highest byte first
    return ids


def _keep(key: str, matches: Matches) -> None:
    """Keep the ids, and forget those that have not been brought up to date for longest."""
    _kept[key] = matches
    _kept.move_to_end(key)
    total = sum(OVERHEAD + len(each.ids) for each in _kept.values())
    while total > MOST_KEPT and len(_kept) > 1:
        _, forgotten = _kept.popitem(last=False)
        total -= OVERHEAD + len(forgotten.ids)
