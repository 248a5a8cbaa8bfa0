"""The effect of a row on a clip, or the reasons why it is refused; nothing is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.urls import reverse

from library.admin.exchange.columns import REQUIRED, WRITTEN, to_time
from library.admin.exchange.values import REQUIRED_MESSAGE, read_value, text_of
from library.models import Clip, State

NO_AUDIO = "Give an audio URL. A file can only be uploaded on the page of a clip."
UPLOADED = (
    "This clip's audio was uploaded. Leave its URL empty, or replace the audio on the clip's page."
)
NO_TIME = (
    "This is not a time as exports write it. Leave it empty to change the clip regardless of other "
    "changes."
)
CHANGED_SINCE = (
    "This clip was changed on {}, after the file was exported. Check the clip. Then leave this "
    "empty to change it, or remove the row from the file."
)

Cells = Mapping[str, Any]
Changes = dict[str, tuple[Any, Any]]  # old and new value by field
Problems = dict[str, list[str]]


@dataclass
class _Verdict:
    clip: Clip
    changes: Changes = field(default_factory=dict)
    problems: Problems = field(default_factory=dict)


def judge(cells: Cells, clip: Clip) -> tuple[Changes, Problems]:
    """Return the changes that a row makes to a clip, new or existing, and its problems.

    Without problems, the clip gets the new values. A column that the row does not have leaves its
    field unchanged.
    """
    verdict = _Verdict(clip)
    values = _values(cells, verdict)
    if "state" not in verdict.problems:
        _judge_state(values, verdict)
    for name, value in values.items():
        old = getattr(clip, name)
        if not _same(old, value):
            verdict.changes[name] = (old, value)
    if verdict.changes and clip.pk is not None:
        _judge_age(cells.get("updated_at"), verdict)
    if not verdict.problems:
        for name, (_, value) in verdict.changes.items():
            setattr(clip, name, value)
    return verdict.changes, verdict.problems


def _values(cells: Cells, verdict: _Verdict) -> dict[str, Any]:
    """Return the values of all valid cells."""
    values: dict[str, Any] = {}
    for name, model_field in WRITTEN.items():
        if name in cells:
            try:
                if name == "audio_url":
                    values[name] = _audio_url(model_field, cells[name], verdict.clip)
                elif name == "state" and not text_of(cells[name]).strip():
                    values[name] = None
                else:
                    values[name] = read_value(model_field, cells[name])
            except ValidationError as error:
                verdict.problems[name] = list(error.messages)
        elif verdict.clip.pk is None and name in REQUIRED:
            verdict.problems[name] = [NO_AUDIO if name == "audio_url" else REQUIRED_MESSAGE]
    return values


def _audio_url(model_field: Any, cell: Any, clip: Clip) -> str:
    url = text_of(cell).strip()
    if clip.audio_file:
        # The API shows the stream's URL as the audio_url of an upload.
        if url and not url.endswith(reverse("clip-stream", args=[clip.pk])):
            raise ValidationError(UPLOADED)
        return ""
    if not url:
        raise ValidationError(NO_AUDIO)
    return str(read_value(model_field, url))


def _judge_state(values: dict[str, Any], verdict: _Verdict) -> None:
    """Require a reason from withdrawn clips only, and drop the reason of an earlier state."""
    clip = verdict.clip
    if "state" in values and values["state"] is None:
        if clip.pk is not None:
            verdict.problems["state"] = [f"Give one of: {', '.join(State.values)}."]
        del values["state"]
    if "state" not in values and "withdrawn_reason" not in values:
        return
    reason = values.get("withdrawn_reason", clip.withdrawn_reason)
    if values.get("state", clip.state) == State.WITHDRAWN:
        if not reason:
            verdict.problems.setdefault(
                "withdrawn_reason", ["Give the reason, which the public sees."]
            )
        return
    if reason and reason != clip.withdrawn_reason:
        verdict.problems["withdrawn_reason"] = ["Only a withdrawn clip has a reason."]
    values["withdrawn_reason"] = None


def _judge_age(cell: Any, verdict: _Verdict) -> None:
    """Refuse a row older than the clip, which would undo the changes made since."""
    if cell is None or cell == "":
        return
    exported = to_time(cell)
    now = verdict.clip.updated_at
    if exported is None:
        verdict.problems["updated_at"] = [NO_TIME]
    elif exported < (now if exported.microsecond else now.replace(microsecond=0)):
        verdict.problems["updated_at"] = [CHANGED_SINCE.format(f"{now:%-d %B %Y at %H:%M} UTC")]


def _same(old: Any, new: Any) -> bool:
    """Return whether the values are equal, except for line endings: spreadsheets change them."""
    if isinstance(old, str) and isinstance(new, str):
        return "\n".join(old.splitlines()) == "\n".join(new.splitlines())
    return bool(old == new)
