"""The columns that an import reads: their descriptions, and a template with an example of each."""

from typing import Any

from library.admin.exchange.columns import IMPORTED, REQUIRED, WRITTEN, to_text
from library.models import State
from library.models.fields import CLIP_FIELDS

COLUMNS = ("id", *WRITTEN)
EXAMPLES: dict[str, Any] = {field.name: field.example for field in CLIP_FIELDS}
EXAMPLES["state"] = State.DRAFT.value
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


def described_columns() -> list[dict[str, str]]:
    """Return all columns that an import reads, as the page describes them."""
    described = []
    for name in IMPORTED:
        note = NOTES.get(name) or str(WRITTEN[name].help_text)
        if name in REQUIRED:
            note = f"{note} A new clip needs it.".lstrip()
        described.append({"name": name, "note": note, "example": to_text(EXAMPLES[name])})
    return described
