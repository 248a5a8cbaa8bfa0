"""The filters of the list: their query parameters and their lookups."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

from library.api.fields import Field, parameter
from library.models import Clip
from library.models.fields import CLIP_FIELDS, ORDERED
from library.models.search import search_query

# Fields with a filter of their own below, and its parameter.
SPECIAL = {"genre": "genre", "tags": "tag"}


def filters_of(name: str) -> Iterator[tuple[str, tuple[str, Field]]]:
    """Return the filters by a field: the name of each parameter, its lookup and its type."""
    field: Any = Clip._meta.get_field(name)
    if isinstance(field, ORDERED) and not field.choices:
        for prefix, lookup, limit in (("min", "gte", "at least"), ("max", "lte", "at most")):
            purpose = f"Return clips with a {field.verbose_name} of {limit} this."
            yield f"{prefix}_{name}", (f"{name}__{lookup}", parameter(field, purpose))
    else:
        yield name, (name, parameter(field, f"Return clips with this {field.verbose_name}."))


FILTERS = dict(
    found
    for field in CLIP_FIELDS
    if field.filtered and field.name not in SPECIAL
    for found in filters_of(field.name)
)


def matching(clips: QuerySet[Clip], query: Mapping[str, Any]) -> QuerySet[Clip]:
    """Return the clips that fit all of the parameters."""
    clips = clips.filter(
        **{lookup: query[name] for name, (lookup, _) in FILTERS.items() if name in query}
    )
    if "genre" in query:
        genres = [Lower(Value(genre)) for genre in query["genre"]]
        clips = clips.alias(lower_genre=Lower("genre")).filter(lower_genre__in=genres)
    if "tag" in query:
        clips = clips.filter(tags__contains=query["tag"])
    if query.get("search"):
        clips = clips.filter(search_vector=search_query(query["search"]))
    return clips
