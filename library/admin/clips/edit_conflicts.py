"""No lost edits: what somebody else has saved meanwhile is not overwritten unseen."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.utils.text import get_text_list

from library import history
from library.models import Clip

STALE_PAGE = "This page is out of order: open the clip anew."


@dataclass(frozen=True)
class PageState:
    """What a page showed when it was opened, which it sends along.

    `version` is the clip's updated_at, `entry` the last of its history. A play changes neither.
    """

    version: str
    entry: int
    values: dict[str, Any]

    @classmethod
    def of(cls, clip: Clip) -> "PageState":
        """The clip as it is now. The history comes first: so who changes it now is not missed."""
        entry = history.entries_of(clip).values_list("pk", flat=True).first() or 0
        values = {name: _plain(value) for name, value in history.values_of(clip).items()}
        return cls(clip.updated_at.isoformat(), entry, values)

    @classmethod
    def from_json(cls, text: str) -> "PageState":
        """What a page sent. Raises ValidationError."""
        try:
            sent = json.loads(text)
            return cls(str(sent["version"]), int(sent["entry"]), dict(sent["values"]))
        except (ValueError, KeyError, TypeError):
            raise forms.ValidationError(STALE_PAGE) from None

    def as_json(self) -> str:
        """To be sent along."""
        return json.dumps({"version": self.version, "entry": self.entry, "values": self.values})


def keep_others_changes(form: forms.ModelForm[Clip]) -> tuple[Mapping[str, Any], dict[str, str]]:
    """Refuse to save over what others have changed since the page was opened.

    Then the form shows the fields that its editor had not touched as they are now, and the others
    as the editor wrote them, with what they would overwrite; saved once more, that is what counts.
    Returns the clip's values now, and what the page's fields are to show instead. From here on
    nobody changes the clip until the transaction ends; NO KEY, because a play's event refers to the
    row and must not wait.
    """
    now = Clip.objects.select_for_update(no_key=True).get(pk=form.instance.pk)
    values = history.values_of(now)
    try:
        loaded = PageState.from_json(form.cleaned_data["loaded"])
    except forms.ValidationError as error:
        form.add_error(None, error)
        return values, {}
    state = PageState.of(now)
    theirs = [
        name
        for name, value in state.values.items()
        if loaded.version != state.version and loaded.values.get(name) != value
    ]
    return values, _renewed(form, loaded, state, theirs) if theirs else {}


def told_changes(clip: Clip, since: int, fields: list[str]) -> tuple[str, str]:
    """Who changed a clip after an entry of its history, and a sentence about it."""
    entries = list(history.entries_of(clip).filter(pk__gt=since)[:20])
    who = _listed(dict.fromkeys(history.author(entry) for entry in entries)) or "Somebody"
    told = fields or [name for entry in entries for name, *_ in history.changed_values(entry)]
    what = f"the {_listed(dict.fromkeys(told))} of this clip" if told else "this clip"
    return who, f"{who} changed {what} while you had it open."


def _renewed(
    form: forms.ModelForm[Clip], loaded: PageState, state: PageState, theirs: list[str]
) -> dict[str, str]:
    """The refusal, and the fields of theirs that the editor had not touched."""
    labels = [history.label(name) for name in theirs]
    who, sentence = told_changes(form.instance, loaded.entry, labels)
    form.add_error(
        None,
        forms.ValidationError(
            f"Not saved yet: {sentence} What you wrote is still here; where you wrote nothing, the "
            "fields show what is saved now. Save again if it shall be as you see it.",
            code="conflict",
        ),
    )
    renewed = {"loaded": state.as_json()}
    for name in theirs:
        value = state.values[name]
        if name not in form.fields:
            continue
        if not _changed(form, name, loaded.values.get(name)):
            renewed[name] = _written(value)
        elif _changed(form, name, value):
            form.add_error(name, f"{who} made it “{_written(value)}”.")
    if not _changed(form, "audio_source", _source(loaded.values)):
        renewed["audio_source"] = _source(state.values)
    return renewed


def _changed(form: forms.ModelForm[Clip], name: str, value: Any) -> bool:
    """Whether the editor wrote something else than this value."""
    bound = form[name]
    if name == "audio_file":  # it cannot be written, only chosen anew
        return bool(bound.data)
    if name in form.fields and bound.field.widget.value_omitted_from_data(
        form.data, form.files, form.add_prefix(name)
    ):
        return False
    return bound.field.has_changed(value, bound.data)


def _source(values: Mapping[str, Any]) -> str:
    return "upload" if values.get("audio_file") else "url"


def _plain(value: Any) -> Any:
    """The value as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, int | float | list) else str(value)


def _written(value: Any) -> str:
    """The value as it stands in its field."""
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value)


def _listed(words: Mapping[str, None]) -> str:
    return get_text_list([str(word) for word in words], "and")
