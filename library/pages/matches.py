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
from weakref import WeakValueDictionary

from library.api.filters import Conditions, matching
from library.api.sorting import Order
from library.changes.feed import CursorExpiredError, changes_after
from library.changes.version import library_token
from library.models.rows import read

MOST_KEPT = 2_000_000  # ids that a process keeps, of 8 or 16 bytes
OVERHEAD = 1_000  # ids that take as much memory as the rest of what is kept for a filter
MOST_CHANGES = 1_000  # that are applied to kept ids; after more of them, they are read again
MOST_RANKED = 20  # changed clips that a search had found: each is looked for among its ids
# One value of 8 bytes for each clip is faster than rows or an array.
_BY_ID = """
SELECT string_agg(int8send(id), '' ORDER BY id) AS ids FROM library_clip WHERE {conditions}
"""
_BY_RANK = """
SELECT
    string_agg(int8send(id), '' ORDER BY rank, id) AS ids,
    string_agg(float8send(rank), '' ORDER BY rank, id) AS ranks
FROM (SELECT id, {rank} AS rank FROM library_clip WHERE {conditions}) AS found
"""

Ids: TypeAlias = "array[int]"  # a class cannot be subscripted before Python 3.12
Ranks: TypeAlias = "array[float]"


class Matches(NamedTuple):
    """Ids in ascending order: the newest last, or the best match of a search last.

    `changes` are those of the library that the ids include. Only a search has ranks of its ids.
    """

    changes: int
    ids: Ids
    ranks: Ranks


_kept: OrderedDict[str, Matches] = OrderedDict()
# A lock for each filter whose ids are read, so that requests for the same do it once.
_reading: "WeakValueDictionary[str, Lock]" = WeakValueDictionary()
_lock = Lock()  # held while one of these changes


def matches_of(query: Mapping[str, Any]) -> Matches:
    """Return the ids of the public clips that match the parameters of the API's list.

    Do not change the arrays.
    """
    search = query.get("search", "")
    conditions = matching(query)
    key = repr(conditions)
    kept = _kept.get(key)
    if kept is None or kept.changes != library_token().changes:
        with _lock:
            reading = _reading.setdefault(key, Lock())
        with reading:
            changes = library_token().changes  # before the ids, which are at least as recent
            kept = _kept.get(key)
            if kept and kept.changes > changes:  # a backup has been restored
                kept = None
            if kept and kept.changes < changes:
                kept = _updated(kept, search, conditions, changes)
            kept = kept or _read(search, conditions, changes)
            _keep(key, kept)
    return kept


def forget() -> None:
    """Forget all ids, for tests: after a rollback, the numbers of changes occur again."""
    _kept.clear()


def _updated(kept: Matches, search: str, conditions: Conditions, changes: int) -> Matches | None:
    """Return the ids after further changes, or None if they must be read again."""
    try:
        found = changes_after(kept.changes, MOST_CHANGES + 1)
    except CursorExpiredError:
        return None
    # Some numbers have no change of a clip, such as those of a transaction that is still open.
    if len(found) > MOST_CHANGES or len(found) < changes - kept.changes:
        return None
    changed = {change.clip_id for change in found}
    of_changed = Conditions([*conditions.sql], [*conditions.values])
    of_changed.add("id = ANY(%s::bigint[])", sorted(changed))
    matching_now = _read(search, of_changed, max(changes, found[-1].seq))
    merge = _merged_by_rank if search else _merged_by_id
    return merge(kept, changed, matching_now)


def _merged_by_id(kept: Matches, changed: set[int], matching_now: Matches) -> Matches:
    """Return the kept ids with exactly those of the changed ones that match now."""
    ids = kept.ids
    match = set(matching_now.ids)
    for pk in sorted(changed):
        place = bisect_left(ids, pk)
        is_present = place < len(ids) and ids[place] == pk
        if is_present == (pk in match):
            continue
        if ids is kept.ids:
            ids = ids[:]  # another thread may be reading them
        if is_present:
            del ids[place]
        else:
            ids.insert(place, pk)
    return matching_now._replace(ids=ids)


def _merged_by_rank(kept: Matches, changed: set[int], matching_now: Matches) -> Matches | None:
    """Return the same for a search, or None if that would take longer than to read it again."""
    present = changed.intersection(kept.ids)
    if not present and not matching_now.ids:
        return kept._replace(changes=matching_now.changes)
    if len(present) > MOST_RANKED:
        return None
    ids, ranks = kept.ids[:], kept.ranks[:]
    for pk in present:
        place = ids.index(pk)
        del ids[place], ranks[place]
    for rank, pk in zip(matching_now.ranks, matching_now.ids, strict=True):
        place = bisect_left(range(len(ids)), (rank, pk), key=lambda n: (ranks[n], ids[n]))
        ids.insert(place, pk)
        ranks.insert(place, rank)
    return Matches(matching_now.changes, ids, ranks)


def _read(search: str, conditions: Conditions, changes: int) -> Matches:
    where = " AND ".join(conditions.sql)
    if search:
        order = Order.of({"search": search})  # the best match first
        statement = _BY_RANK.format(rank=order.expression, conditions=where)
        (row,) = read(statement, [*order.values, *conditions.values])
    else:
        (row,) = read(_BY_ID.format(conditions=where), conditions.values)
    ids, ranks = array("q", row["ids"] or b""), array("d", row.get("ranks") or b"")
    if byteorder == "little":  # PostgreSQL sends the highest byte first
        ids.byteswap()
        ranks.byteswap()
    return Matches(changes, ids, ranks)


def _keep(key: str, matches: Matches) -> None:
    """Keep the ids, and drop the least recently updated ones if there are too many."""
    with _lock:
        _kept[key] = matches
        _kept.move_to_end(key)
        total = sum(OVERHEAD + len(each.ids) for each in _kept.values())
        while total > MOST_KEPT and len(_kept) > 1:
            _, dropped = _kept.popitem(last=False)
            total -= OVERHEAD + len(dropped.ids)
