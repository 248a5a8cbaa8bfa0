"""The fields of a clip: who writes each one, and other facts that the model does not contain.

Everything that handles clips field by field derives from this list and from the model's fields:
`Clip.save()`, the history, the API (JSON, parameters, OpenAPI), the form, the import with its
template, and the export. `manage.py check` names a column that is missing here.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.db import models


class Writer(Enum):
    """Who changes the values of a field."""

    EDITORS = "editors and API clients"
    DECISIONS = "decisions about the state of a clip"
    CHECKS = "checks of a clip's source"
    SOUND = "analyses and renditions of a clip's audio"
    PLAYS = "plays"
    SYSTEM = "the service"


EDITORS, DECISIONS, CHECKS, SOUND, PLAYS, SYSTEM = Writer
# The sections of the form, in their order.
AUDIO, PREVIEW, CLIP, CREDITS = SECTIONS = ("Audio", "Preview", "Clip", "Credits and licence")


@dataclass(frozen=True)
class ClipField:
    """The declaration of a field.

    `section` places it in the form. The API shows it if it is `shown`, and filters by it if it is
    `filtered`: with `?name=`, or with `?min_name=` and `?max_name=` if values have an order. The
    `example` appears in the API's description and in the template for imports.
    """

    name: str
    writer: Writer
    section: str = ""
    shown: bool = False
    filtered: bool = False
    example: Any = None


URL = "https://example.com/path/to/audio.mp3"
CLIP_FIELDS = (
    ClipField("id", SYSTEM, shown=True),
    ClipField("title", EDITORS, CLIP, shown=True, example="New Clip"),
    ClipField("description", EDITORS, CLIP, shown=True, example="A description for the new clip"),
    ClipField("genre", EDITORS, CLIP, shown=True, filtered=True, example="electronic"),
    ClipField("tags", EDITORS, CLIP, shown=True, filtered=True, example=["synth", "night drive"]),
    ClipField("duration", EDITORS, CLIP, shown=True, filtered=True, example=30.5),
    ClipField("audio_url", EDITORS, AUDIO, shown=True, example=URL),
    ClipField("audio_file", EDITORS, AUDIO),
    ClipField("preview_start", EDITORS, PREVIEW, shown=True, example=12.0),
    ClipField("preview_length", EDITORS, PREVIEW, shown=True, example=30.0),
    ClipField("preview_fade_in", EDITORS, PREVIEW, shown=True, example=0.1),
    ClipField("preview_fade_out", EDITORS, PREVIEW, shown=True, example=1.0),
    ClipField("creator", EDITORS, CREDITS, shown=True, example="Ann Example"),
    ClipField("creator_url", EDITORS, CREDITS, shown=True, example="https://example.com/ann"),
    ClipField("licence", EDITORS, CREDITS, shown=True, filtered=True, example="CC-BY-4.0"),
    ClipField("isrc", EDITORS, CREDITS, shown=True, filtered=True, example="USS1Z9900001"),
    ClipField("content_type", CHECKS, shown=True),
    ClipField("size_bytes", CHECKS, shown=True),
    ClipField("health", CHECKS, shown=True, filtered=True),
    ClipField("health_reason", CHECKS),  # the API shows these two as parts of `health`
    ClipField("health_since", CHECKS),
    ClipField("health_checked_at", CHECKS),
    ClipField("audio", SOUND, shown=True),
    ClipField("renditions", SOUND, shown=True),
    ClipField("state", DECISIONS, shown=True),
    ClipField("withdrawn_reason", DECISIONS),
    ClipField("deleted_at", DECISIONS),
    ClipField("play_count", PLAYS, shown=True),
    ClipField("people_count", PLAYS),
    ClipField("first_played_at", PLAYS),
    ClipField("last_played_at", PLAYS),
    ClipField("created_at", SYSTEM, shown=True),
    ClipField("updated_at", SYSTEM, shown=True),
    ClipField("search_vector", SYSTEM),
)

# Types of model fields whose values are numbers, or have an order.
NUMBERS = (models.IntegerField, models.FloatField)
ORDERED = (*NUMBERS, models.DateField)


def written_by(*writers: Writer) -> tuple[str, ...]:
    """Return the names of the fields that these write, in the declared order."""
    return tuple(field.name for field in CLIP_FIELDS if field.writer in writers)
