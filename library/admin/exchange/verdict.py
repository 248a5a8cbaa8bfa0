"""What a row of a file would make of a clip, or why it cannot: judged without writing anything.

By the fields of the model, so with the sentences of the form; where those of the API are for
machines, the same are said here in words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse

from library.admin.exchange.columns import REQUIRED, WRITTEN, to_time
from library.licences import UnknownLicenceError, find_licence
from library.models import REASON_LENGTH, Clip, State
from library.models.tag import normalise_tags

MISSING = "This field is required."
NO_AUDIO = "Give an audio URL. A file can only be uploaded, on the page of a clip."
UPLOADED = "This clip's audio was uploaded: leave its URL empty, or replace it on the clip's page."
NO_TIME = (
    "This is no time as it is exported. Leave it empty to change the clip, whatever others did."
)
CHANGED_SINCE = (
    "Somebody changed this clip on {}, after the file was made. Look at the clip: then leave this "
    "empty to change it, or take the row out of the file."
)
STATES = f"Give one of: {', '.join(State.values)}."

Cells = Mapping[str, Any]
Changes = dict[str, tuple[Any, Any]]  # old and new value by field
Problems = dict[str, list[str]]


@dataclass
class Verdict:
    """What comes of a row: the clip as it would be, old and new values by field, or errors."""

    clip: Clip
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)


def judge(cells: Cells, clip: Clip) -> tuple[Changes, Problems]:
    """What the cells would make of a clip, new or old; without errors, the clip has its values.

    A column that the row does not have leaves a field as it is.
    """
    verdict = Verdict(clip)
    values = _values(cells, verdict)
    if "state" not in verdict.errors:
        _judge_state(values, verdict)
    for name, value in values.items():
        old = getattr(clip, name)
        if not _same(old, value):
            verdict.changes[name] = (old, value)
    if verdict.changes and clip.pk is not None:
        _judge_age(cells.get("updated_at"), verdict)
    if not verdict.errors:
        for name, (_, value) in verdict.changes.items():
            setattr(clip, name, value)
    return verdict.changes, verdict.errors


def _values(cells: Cells, verdict: Verdict) -> dict[str, Any]:
    """The values of the cells that can be read."""
    values = {}
    for name in WRITTEN:
        if name in cells:
            try:
                values[name] = _READERS.get(name, _by_form)(name, cells[name], verdict.clip)
            except ValidationError as error:
                verdict.errors[name] = list(error.messages)
        elif verdict.clip.pk is None and name in REQUIRED:
            verdict.errors[name] = [NO_AUDIO if name == "audio_url" else MISSING]
    return values


def _judge_state(values: dict[str, Any], verdict: Verdict) -> None:
    """A withdrawn clip has a reason, no other has; what is left of an old one is dropped."""
    clip = verdict.clip
    if "state" in values and not values["state"]:
        if clip.pk is not None:
            verdict.errors["state"] = [STATES]
        del values["state"]
    if "state" not in values and "withdrawn_reason" not in values:
        return
    reason = values.get("withdrawn_reason", clip.withdrawn_reason)
    if values.get("state", clip.state) == State.WITHDRAWN:
        if not reason:
            verdict.errors.setdefault("withdrawn_reason", ["Say why: the public is told."])
        return
    if reason and reason != clip.withdrawn_reason:
        verdict.errors["withdrawn_reason"] = ["Only a withdrawn clip has a reason."]
    values["withdrawn_reason"] = None


def _judge_age(cell: Any, verdict: Verdict) -> None:
    """A file that is older than the clip would undo what somebody else has done meanwhile."""
    if cell is None or cell == "":
        return
    known = to_time(cell)
    now = verdict.clip.updated_at
    if known is None:
        verdict.errors["updated_at"] = [NO_TIME]
    elif known < (now if known.microsecond else now.replace(microsecond=0)):
        verdict.errors["updated_at"] = [CHANGED_SINCE.format(f"{now:%-d %B %Y at %H:%M} UTC")]


def _same(old: Any, new: Any) -> bool:
    """Whether nothing changes; a spreadsheet changes the ends of lines."""
    if isinstance(old, str) and isinstance(new, str):
        return "\n".join(old.splitlines()) == "\n".join(new.splitlines())
    return bool(old == new)


def _text(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise ValidationError("Not a valid string.")
    return value or ""


def _by_form(name: str, value: Any, _: Clip) -> Any:
    """The value as the form takes it, judged by the model's field too."""
    model_field, form_field = _FIELDS[name]
    if name != "duration":
        value = _text(value)
    elif isinstance(value, bool):
        raise ValidationError("Enter a number.")
    elif isinstance(value, str) and "," in value:
        raise ValidationError("Enter a number with a point, such as 30.5.")
    cleaned = form_field.clean(value)
    if cleaned in model_field.empty_values and model_field.blank:
        return cleaned
    return model_field.clean(cleaned, None)


def _source(name: str, value: Any, clip: Clip) -> Any:
    """The URL of a clip, unless it has an upload."""
    url = _text(value).strip()
    if clip.audio_file:
        # the API tells the stream's own URL of an upload
        if url and not url.endswith(reverse("clip-stream", args=[clip.pk])):
            raise ValidationError(UPLOADED)
        return ""
    if not url:
        raise ValidationError(NO_AUDIO)
    return _by_form(name, url, clip)


def _tags(_: str, value: Any, __: Clip) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
        raise ValidationError('Give a list of strings, such as ["rain", "night"].')
    return normalise_tags(value)


def _licence(_: str, value: Any, __: Clip) -> str | None:
    text = _text(value).strip()
    try:
        return find_licence(text).id if text else None
    except UnknownLicenceError as error:
        raise ValidationError(str(error)) from None


def _state(_: str, value: Any, __: Clip) -> str | None:
    text = _text(value).strip().lower()
    if text and text not in State.values:
        raise ValidationError(STATES)
    return text or None


def _reason(_: str, value: Any, __: Clip) -> str | None:
    reason: str | None = _REASON.clean(_text(value))
    return reason


_BY_FORM = ("title", "description", "genre", "duration", "audio_url", "creator", "creator_url")
_FIELDS: dict[str, tuple[Any, Any]] = {
    name: (getattr(Clip, name).field, getattr(Clip, name).field.formfield()) for name in _BY_FORM
}
_REASON = forms.CharField(max_length=REASON_LENGTH, required=False, empty_value=None)
_READERS: dict[str, Callable[[str, Any, Clip], Any]] = {
    "audio_url": _source,
    "tags": _tags,
    "licence": _licence,
    "state": _state,
    "withdrawn_reason": _reason,
}
