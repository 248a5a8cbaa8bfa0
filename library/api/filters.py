"""The filters of the list: their query parameters and their conditions in SQL."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from library.api.fields import Field, FiniteParameter, FlagParameter, WholeParameter, parameter
from library.api.filter_fields import MomentParameter
from library.licences import licences_that_allow
from library.models import Clip
from library.models.clip import AVAILABLE
from library.models.fields import CLIP_FIELDS, ORDERED
from library.search.conditions import MATCH_SQL, match_of
from library.sound.limits import MOST_CHANNELS

# Fields with a filter of their own below, and its parameter.
SPECIAL = {"genre": "genre", "tags": "tag", "licence": "licence"}
# Filters by facts of licences.
LICENCE_FACTS = ("commercial_use", "derivatives")


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


LOUDNESS = "(audio->>'loudness')::float8"
_in_lufs: Any = {"invalid": "Must be a number of LUFS, such as -14."}
_channels = f"Must be a whole number from 1 to {MOST_CHANNELS}."
# By facts of the audio, which have indexes. Clips whose fact is unknown never match.
FILTERS |= {
    "min_loudness": (
        f"{LOUDNESS} >= %s",
        FiniteParameter(
            required=False,
            error_messages=_in_lufs,
            help_text="Return clips with an integrated loudness of at least this. LUFS (EBU R 128),"
            " such as `-20`.",
        ),
    ),
    "max_loudness": (
        f"{LOUDNESS} <= %s",
        FiniteParameter(
            required=False,
            error_messages=_in_lufs,
            help_text="Return clips with an integrated loudness of at most this. LUFS (EBU R 128), "
            "such as `-14`.",
        ),
    ),
    "lossless": (
        "(audio->>'lossless')::boolean = %s",
        FlagParameter(
            required=False,
            help_text="Return clips whose codec is lossless (`true`) or lossy (`false`).",
        ),
    ),
    "channels": (
        "(audio->>'channels')::integer = %s",
        WholeParameter(
            required=False,
            min_value=1,
            max_value=MOST_CHANNELS,
            error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), _channels),
            help_text="Return clips whose audio has this number of channels.",
        ),
    ),
}
FILTERS |= {
    name: (
        condition,
        MomentParameter(
            required=False,
            help_text=f"{purpose} A date is its start in UTC; or an RFC 3339 date-time.",
        ),
    )
    for name, condition, purpose in (
        (
            "created_after",
            "created_at >= %s",
            "Return clips that were added at this time or later.",
        ),
        ("created_before", "created_at < %s", "Return clips that were added before this time."),
        (
            "updated_since",
            "updated_at >= %s",
            "Return clips that were changed or added at this time or later; plays are not changes.",
        ),
    )
}


def matching(query: Mapping[str, Any]) -> Conditions:
    """Return the conditions for available clips that fit all of the parameters."""
    conditions = Conditions([AVAILABLE])
    for name, (condition, _) in FILTERS.items():
        if name in query:
            conditions.add(condition, query[name])
    for name in ("genre", "creator"):
        if name in query:
            places = ", ".join(["lower(%s::text)"] * len(query[name]))
            conditions.add(f"lower({name}) IN ({places})", *query[name])
    if "tag" in query:
        conditions.add("tags @> %s::varchar[]", query["tag"])
    if "licence" in query:
        conditions.add("licence = ANY(%s::varchar[])", query["licence"])
    if facts := {name: query[name] for name in LICENCE_FACTS if name in query}:
        conditions.add("licence = ANY(%s::varchar[])", licences_that_allow(**facts))
    if "ids" in query:
        conditions.add("id = ANY(%s::bigint[])", query["ids"])
    if query.get("search"):
        conditions.add(MATCH_SQL, match_of(query["search"]))
    return conditions
