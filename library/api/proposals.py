"""Proposals for the fields of a clip, from the tags of its file.

The tags are text of strangers: what is proposed would be accepted as it is.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, BinaryIO

from django.core.exceptions import ValidationError

from library.api.added_clips import PROPOSED
from library.api.serializers import ClipSerializer
from library.audio.containers.results import Audio
from library.audio.tagging.found import Tags
from library.audio.tagging.reading import read_tags
from library.models import Clip
from library.models.tag import MAX_TAGS, normalise_tag
from library.text import composed, without_hidden
from library.validators import normalise_licence

_ADDRESS = re.compile(r"https?://[^\s<>\"()]+")


def proposals(file: BinaryIO, audio: Audio) -> dict[str, Any]:
    """Return values by the names of fields, those that the tags of a file have one for."""
    tags = read_tags(file, audio)
    file.seek(0)
    genres = tags.get("genre", [])
    candidates = {
        "title": _line("title", tags.get("title", ())[:1]),
        "description": _description(tags),
        "genre": _line("genre", genres[:1]),
        "tags": _tags([*genres[1:], *tags.get("tags", ())]),
        "creator": _line("creator", tags.get("creator", ())),
        "creator_url": next(iter(tags.get("creator_url", ())), ""),
        "licence": _licence(tags.get("licence", ())),
        "isrc": next(iter(tags.get("isrc", ())), ""),
    }
    values = {name: candidates[name] for name in PROPOSED if candidates[name]}
    serializer = ClipSerializer(data=values, partial=True)
    if not serializer.is_valid():
        valid = {name: value for name, value in values.items() if name not in serializer.errors}
        serializer = ClipSerializer(data=valid, partial=True)
        serializer.is_valid(raise_exception=True)
    found = serializer.validated_data
    return {name: found[name] for name in PROPOSED if name in found}


def _line(name: str, texts: Iterable[str]) -> str:
    """Return the texts in one line that the field can hold."""
    values = (" ".join(without_hidden(text).split()) for text in texts)
    return _shortened(", ".join(value for value in values if value), name)


def _description(tags: Tags) -> str:
    values = [*tags.get("description", ()), *tags.get("comment", ())]
    text = values[0].replace("\r\n", "\n").replace("\r", "\n") if values else ""
    return _shortened(without_hidden(text), "description")


def _shortened(text: str, name: str) -> str:
    field: Any = Clip._meta.get_field(name)
    return composed(text)[: field.max_length].strip()


def _tags(texts: Iterable[str]) -> list[str]:
    """Return what can be tags of a clip."""
    found: dict[str, None] = {}
    for text in texts:
        for part in re.split("[,;]", without_hidden(text)):
            with suppress(ValidationError):  # blank, or too long to be a tag
                found[normalise_tag(part)] = None
    return [*found][:MAX_TAGS]


def _licence(texts: Iterable[str]) -> str:
    """Return the first licence that a text names, itself or by its address."""
    for text in texts:
        for part in (text, *_ADDRESS.findall(text)):
            with suppress(ValidationError):
                return normalise_licence(part.rstrip(".,;"))
    return ""
