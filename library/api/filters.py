"""Which clips a list holds."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

from library.models import Clip
from library.models.search import search_query

LOOKUPS = {
    "min_duration": "duration__gte",
    "max_duration": "duration__lte",
    "licence": "licence",
    "health": "health",
    "tag": "tags__contains",
}


def matching(clips: QuerySet[Clip], query: Mapping[str, Any]) -> QuerySet[Clip]:
    """Those of the clips that all of the parameters fit."""
    clips = clips.filter(
        **{lookup: query[name] for name, lookup in LOOKUPS.items() if name in query}
    )
    if "genre" in query:
        genres = [Lower(Value(genre)) for genre in query["genre"]]
        clips = clips.alias(lower_genre=Lower("genre")).filter(lower_genre__in=genres)
    if query.get("search"):
        clips = clips.filter(search_vector=search_query(query["search"]))
    return clips
