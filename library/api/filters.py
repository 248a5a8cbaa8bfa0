"""The filters of the list: their query parameters and their conditions in SQL."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from library.api.fields import Field, parameter
from library.models import Clip
from library.models.clip import AVAILABLE
from library.models.fields import CLIP_FIELDS, ORDERED
from library.models.search import QUERY_SQL, raw_query

# Fields with a filter of their own below, and its parameter.
SPECIAL = {"genre": "genre", "tags": "tag"}


@dataclass
class Conditions:
    """Conditions of a WHERE clause, all of which must hold, and the values of their `%s`."""

    sql: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, condition: str, *values: Any) -> None:
        self.sql.append(condition)
        self.values += values


def filters_of(name: str) -> Iterator[tuple[str, tuple[str, Field]]]:
    """Return the filters by a field: the name of each parameter, its condition and its type."""
    model_field: Any = Clip._meta.get_field(name)
    if isinstance(model_field, ORDERED) and not model_field.choices:
        for prefix, operator, limit in (("min", ">=", "at least"), ("max", "<=", "at most")):
            purpose = f"Return clips with a {model_field.verbose_name} of {limit} this."
            condition = f'"{model_field.column}" {operator} %s'
            yield f"{prefix}_{name}", (condition, parameter(model_field, purpose))
    else:
        purpose = f"Return clips with this {model_field.verbose_name}."
        yield name, (f'"{model_field.column}" = %s', parameter(model_field, purpose))


FILTERS = dict(
    found
    for clip_field in CLIP_FIELDS
    if clip_field.filtered and clip_field.name not in SPECIAL
    for found in filters_of(clip_field.name)
)


def matching(query: Mapping[str, Any]) -> Conditions:
    """Return the conditions for available clips that fit all of the parameters."""
    conditions = Conditions([AVAILABLE])
    for name, (condition, _) in FILTERS.items():
        if name in query:
            conditions.add(condition, query[name])
    if genres := query.get("genre"):
        places = ", ".join(["lower(%s::text)"] * len(genres))
        conditions.add(f"lower(genre) IN ({places})", *genres)
    if "tag" in query:
        conditions.add("tags @> %s::varchar[]", query["tag"])
    if query.get("search"):
        conditions.add(f"search_vector @@ {QUERY_SQL}", raw_query(query["search"]))
    return conditions
