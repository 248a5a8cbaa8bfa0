"""Check a row and set its values on the clip, without writing to the database."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from library.admin.exchange.columns import REQUIRED, WRITTEN, to_time
from library.admin.exchange.values import REQUIRED_MESSAGE, read_value, text_of
from library.api.representation import is_stream_of
from library.models import Clip, State
from library.renditions.excerpt import FIELDS as PREVIEW_FIELDS
from library.renditions.excerpt import Choice, mistakes

NO_AUDIO = "Enter an audio URL. To upload a file, use the page of the clip."
UPLOADED = (
    "This clip's audio was uploaded. Leave its URL empty, or replace the audio on the clip's page."
)
NO_TIME = (
    "Enter the time from the export, or leave it empty to change the clip even if others have "
    "changed it since."
)
CHANGED_SINCE = (
    "This clip was changed on {}, after the file was exported. Check the clip. Then leave this "
    "empty to change it, or remove the row from the file."
)

Cells = Mapping[str, Any]
Changes = dict[str, tuple[Any, Any]]  # old and new value by field
Problems = dict[str, list[str]]


def judge(cells: Cells, clip: Clip) -> tuple[Changes, Problems]:
    """Return the changes that a row makes to a clip, new or existing, and its problems.

    Without problems, the clip gets the new values. A column that the row does not have leaves its
    field unchanged.
    """
    problems: Problems = {}
    values = _values(cells, clip, problems)
    if "state" not in problems:
        _judge_state(values, clip, problems)
    _judge_preview(values, clip, problems)
    old_and_new = {name: (getattr(clip, name), value) for name, value in values.items()}
    changes = {name: pair for name, pair in old_and_new.items() if not _same(*pair)}
    if changes and clip.pk is not None:
        _judge_age(cells.get("updated_at"), clip, problems)
    if not problems:
        for name, (_, value) in changes.items():
            setattr(clip, name, value)
    return changes, problems


def _values(cells: Cells, clip: Clip, problems: Problems) -> dict[str, Any]:
    """Return the values of all valid cells."""
    values: dict[str, Any] = {}
    for name, model_field in WRITTEN.items():
        if name in cells:
            try:
                if name == "audio_url":
                    values[name] = _audio_url(model_field, cells[name], clip)
                elif name == "state" and not text_of(cells[name]).strip():
                    values[name] = None
                else:
                    values[name] = read_value(model_field, cells[name])
            except ValidationError as error:
                problems[name] = list(error.messages)
        elif clip.pk is None and name in REQUIRED:
            problems[name] = [NO_AUDIO if name == "audio_url" else REQUIRED_MESSAGE]
    return values


def _audio_url(model_field: Any, cell: Any, clip: Clip) -> str:
    url = text_of(cell).strip()
    if clip.pk is not None and is_stream_of(clip.pk, url):
        return clip.audio_url
    if clip.audio_file:
        if url:
            raise ValidationError(UPLOADED)
        return ""
    if not url:
        raise ValidationError(NO_AUDIO)
    return str(read_value(model_field, url))


def _judge_state(values: dict[str, Any], clip: Clip, problems: Problems) -> None:
    """Require a reason from withdrawn clips only, and drop the reason of an earlier state."""
    if "state" in values and values["state"] is None:
        if clip.pk is not None:
            problems["state"] = [f"Enter one of: {', '.join(State.values)}."]
        del values["state"]
    if "state" not in values and "withdrawn_reason" not in values:
        return
    reason = values.get("withdrawn_reason", clip.withdrawn_reason)
    if values.get("state", clip.state) == State.WITHDRAWN:
        if not reason:
            problems.setdefault("withdrawn_reason", ["Enter the reason, which the public sees."])
        return
    if reason and reason != clip.withdrawn_reason:
        problems["withdrawn_reason"] = ["Leave this empty: only withdrawn clips have a reason."]
    values["withdrawn_reason"] = None


def _judge_preview(values: dict[str, Any], clip: Clip, problems: Problems) -> None:
    """Refuse a preview that the audio has no room for."""
    needed = (*PREVIEW_FIELDS, "duration")
    if values.keys().isdisjoint(needed) or not problems.keys().isdisjoint(needed):
        return
    duration = values.get("duration", clip.duration)
    if clip.audio and values.get("audio_url", clip.audio_url) == clip.audio_url:
        duration = clip.audio["duration"]
    choice = Choice(*(values.get(name, getattr(clip, name)) for name in PREVIEW_FIELDS))
    for name, sentence in mistakes(choice, duration).items():
        problems[name] = [sentence]


def _judge_age(cell: Any, clip: Clip, problems: Problems) -> None:
    """Refuse a row older than the clip, which would undo the changes made since."""
    if cell is None or cell == "":
        return
    exported, now = to_time(cell), clip.updated_at
    if exported is None:
        problems["updated_at"] = [NO_TIME]
    elif exported < (now if exported.microsecond else now.replace(microsecond=0)):
        problems["updated_at"] = [CHANGED_SINCE.format(f"{now:%-d %B %Y at %H:%M} UTC")]


def _same(old: Any, new: Any) -> bool:
    """Return whether the values are equal, except for line endings: spreadsheets change them."""
    if isinstance(old, str) and isinstance(new, str):
        return "\n".join(old.splitlines()) == "\n".join(new.splitlines())
    return bool(old == new)
