"""The columns that an import reads: their descriptions, and a template with an example of each."""

from dataclasses import dataclass
from typing import Any

from library.admin.exchange.columns import IMPORTED, REQUIRED, WRITTEN, to_text
from library.models import State
from library.models.fields import CLIP_FIELDS

COLUMNS = ("id", *WRITTEN)
EXAMPLES: dict[str, Any] = {field.name: field.example for field in CLIP_FIELDS} | {
    "state": State.DRAFT.value
}
# Where the model's help text is missing, or written for the form.
NOTES = {
    "id": "The clip to change; empty to add a clip.",
    "tags": "Separated by commas; a list in JSON.",
    "duration": "Seconds.",
    "audio_url": "Address of the audio: http or https. Nothing is downloaded now. Audio files "
    "cannot be imported: upload them on the page of a clip.",
    "licence": "An SPDX identifier or a Creative Commons address.",
    "state": f"One of {', '.join(State.values)}.",
    "withdrawn_reason": "Only for withdrawn clips: why they are, for the public to read.",
    "updated_at": "As exported. A clip that was changed since then is reported, not overwritten.",
}


@dataclass(frozen=True)
class Column:
    """A column, as the page describes it."""

    name: str
    note: str
    example: str


def record() -> dict[str, Any]:
    """Return the row of the template."""
    return {name: EXAMPLES[name] for name in COLUMNS}


def described_columns() -> list[Column]:
    """Return all columns that an import reads."""
    return [_described(name) for name in IMPORTED]


def _described(name: str) -> Column:
    help_text = WRITTEN[name].help_text if name in WRITTEN else ""
    notes = [NOTES.get(name) or str(help_text), "A new clip needs it." if name in REQUIRED else ""]
    return Column(name, " ".join(filter(None, notes)), to_text(EXAMPLES[name]))
