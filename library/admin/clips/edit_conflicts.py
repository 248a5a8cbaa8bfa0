"""Concurrent edits: a page never overwrites changes that its editor has not seen.

It shows who else has the clip open, and that the clip has changed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.text import get_text_list
from django.views.decorators.http import require_POST

from library import history
from library.models import Clip, Presence


@dataclass(frozen=True)
class PageState:
    """The values that a page showed when it was opened. The page sends them with the form.

    `version` is the clip's `updated_at`, and `entry` the last one of its history. Plays change
    neither.
    """

    version: str
    entry: int
    values: dict[str, Any]

    @classmethod
    def of(cls, clip: Clip) -> "PageState":
        """Return the current state. It reads the history first, so that it misses no change."""
        entry = history.entries_of(clip).values_list("pk", flat=True).first() or 0
        values = {name: _plain(value) for name, value in history.values_of(clip).items()}
        return cls(clip.updated_at.isoformat(), entry, values)

    @classmethod
    def from_json(cls, text: str) -> "PageState | None":
        """Return the state that a page sent, or None if it is not valid."""
        try:
            sent = json.loads(text)
            return cls(str(sent["version"]), int(sent["entry"]), dict(sent["values"]))
        except (ValueError, KeyError, TypeError):
            return None

    def as_json(self) -> str:
        return json.dumps({"version": self.version, "entry": self.entry, "values": self.values})


def keep_others_changes(form: forms.ModelForm[Clip]) -> tuple[Mapping[str, Any], dict[str, str]]:
    """Refuse to overwrite changes that others have made since the page was opened.

    The form then shows the current values of the fields that its editor had not touched. It keeps
    the values that the editor entered, with the value that each would overwrite. The next save of
    the page applies them. Return the current values of the clip, and the values that the page has
    to show instead of those it sent.

    This locks the clip until the transaction ends. The lock is NO KEY, because a play's event
    refers to the row and must not wait.
    """
    now = Clip.objects.select_for_update(no_key=True).get(pk=form.instance.pk)
    values = history.values_of(now)
    loaded = PageState.from_json(form.cleaned_data["loaded"])
    if loaded is None:
        form.add_error(None, "This page is out of date. Reload the clip.")
        return values, {}
    state = PageState.of(now)
    conflicting = [
        name
        for name, value in state.values.items()
        if loaded.version != state.version and loaded.values.get(name) != value
    ]
    return values, _renewed(form, loaded, state, conflicting) if conflicting else {}


def describe_changes(clip: Clip, since: int, fields: list[str]) -> tuple[str, str]:
    """Return the authors of the changes after a log entry, and a sentence about the changes."""
    entries = list(history.entries_of(clip).filter(pk__gt=since)[:20])
    who = _listed(dict.fromkeys(history.author(entry) for entry in entries)) or "Another user"
    labels = fields or [name for entry in entries for name, *_ in history.changed_values(entry)]
    what = f"the {_listed(dict.fromkeys(labels))} of this clip" if labels else "this clip"
    return who, f"{who} changed {what} while you had it open."


@require_POST
def presence(request: HttpRequest, pk: int) -> HttpResponseBase:
    """POST from an open page: `page` is its UUID, `version` and `entry` the state it shows.

    Return the other editors who have the clip open, and a sentence if it has changed. With
    `leave`, which a closing page sends, return nothing. With `used`, the editor has typed or
    clicked since the last request.
    """
    user = request.user
    if not isinstance(user, User) or not user.has_perm("library.change_clip"):
        raise PermissionDenied
    try:
        page, entry = UUID(request.POST["page"]), int(request.POST["entry"])
    except (KeyError, ValueError):
        return HttpResponse("Send `page` and `entry`.", status=400, content_type="text/plain")
    if "used" not in request.POST:
        request.session.modified = False  # an unused page does not keep its editor logged in
    if "leave" in request.POST:
        Presence.objects.leave(page, user)
        return HttpResponse(status=204)
    clip = get_object_or_404(Clip.objects.only("updated_at"), pk=pk)
    Presence.objects.announce(page, clip, user)
    others = [
        {
            "name": other.user.get_full_name() or other.user.get_username(),
            "you": other.user_id == user.pk,
            "since": other.since.isoformat(),
        }
        for other in Presence.objects.beside(page, clip)
    ]
    changed = clip.updated_at.isoformat() != request.POST.get("version")
    return JsonResponse(
        {"others": others, "changed": describe_changes(clip, entry, [])[1] if changed else ""}
    )


def _renewed(
    form: forms.ModelForm[Clip], loaded: PageState, state: PageState, conflicting: list[str]
) -> dict[str, str]:
    """Add the errors to the form; return the new values of fields that were not edited."""
    labels = [history.label(name) for name in conflicting]
    who, sentence = describe_changes(form.instance, loaded.entry, labels)
    form.add_error(
        None,
        forms.ValidationError(
            f"Not saved yet: {sentence} Your changes are still here. The fields that you did not "
            "change show the saved values. Save again to keep what you see.",
            code="conflict",
        ),
    )
    renewed = {"loaded": state.as_json()}
    for name in conflicting:
        value = state.values[name]
        if name not in form.fields:
            continue
        if not _changed(form, name, loaded.values.get(name)):
            renewed[name] = _written(value)
        elif _changed(form, name, value):
            form.add_error(name, f"{who} changed it to “{_written(value)}”.")
    if not _changed(form, "audio_source", _source(loaded.values)):
        renewed["audio_source"] = _source(state.values)
    return renewed


def _changed(form: forms.ModelForm[Clip], name: str, value: Any) -> bool:
    """Return whether the editor entered something other than this value."""
    bound = form[name]
    if name == "audio_file":  # an input for files has no value, only a new choice
        return bool(bound.data)
    if name in form.fields and bound.field.widget.value_omitted_from_data(
        form.data, form.files, form.add_prefix(name)
    ):
        return False
    return bound.field.has_changed(value, bound.data)


def _source(values: Mapping[str, Any]) -> str:
    return "upload" if values.get("audio_file") else "url"


def _plain(value: Any) -> Any:
    """Return the value as JSON represents it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, int | float | list) else str(value)


def _written(value: Any) -> str:
    """Return the value as its form field shows it."""
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value)


def _listed(words: Mapping[str, None]) -> str:
    return get_text_list([str(word) for word in words], "and")
