"""The form that edits many clips, and the change it describes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from library import history
from library.admin.suggestions import words_input
from library.licences import LICENCES, licence_choices
from library.models import Clip, ClipQuerySet
from library.models.tag import TagLine, edited_tags, with_edited_tags
from library.validators import validate_web_url

Validator = Callable[[Any], None]

NONE = "none"
SAME = "Leave empty to keep what each clip has."


@dataclass(frozen=True)
class Edit:
    """A change of many clips: new `values` for all of them, and tags to add and to remove."""

    values: dict[str, Any]
    add: list[str]
    remove: list[str]

    @property
    def fields(self) -> list[str]:
        """The names of the fields that may change."""
        return [*self.values, *(["tags"] if self.add or self.remove else [])]

    def alter(self, clip: Clip) -> None:
        """Change one clip without saving it."""
        for name, value in self.values.items():
            setattr(clip, name, value)
        if self.add or self.remove:
            clip.tags = edited_tags(clip.tags, self.add, self.remove)

    def write(self, clips: ClipQuerySet) -> int:
        """Update only these fields in the database, so that no play is lost."""
        values = dict(self.values)
        if self.add or self.remove:
            values["tags"] = with_edited_tags(self.add, self.remove)
        return clips.update(**values, updated_at=timezone.now())

    def describe(self) -> list[str]:
        """Return a phrase for each part of the change."""
        phrases = []
        for name, value in self.values.items():
            label = history.label(name)
            shown = ", ".join(value) if isinstance(value, list) else value
            if name == "licence" and value:
                shown = LICENCES[value].name
            phrases.append(f"{label}: {shown}" if shown else f"no {label}")
        phrases += [f"add tag: {tag}" for tag in self.add]
        return phrases + [f"remove tag: {tag}" for tag in self.remove]


def _optional(
    name: str, help_text: str, widget: forms.Widget | None = None, *validators: Validator
) -> forms.Field:
    """Return the form field of a model field, but optional."""
    field: forms.Field = forms.fields_for_model(
        Clip,
        (name,),
        widgets={name: widget or UnfoldAdminTextInputWidget()},
        help_texts={name: help_text},
    )[name]
    field.required = False
    field.validators += validators
    return field


def tag_line(**options: Any) -> TagLine:
    """Return a field for tags that suggests known ones."""
    return TagLine(required=False, widget=words_input("tag"), **options)


class BulkForm(forms.Form):
    """The changes that an editor makes to many clips. Empty fields change nothing."""

    genre = _optional("genre", SAME, words_input("genre", autofocus=True))
    licence = forms.ChoiceField(
        choices=[("", "Keep what each clip has"), (NONE, "No licence"), *licence_choices()],
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )
    add_tags = tag_line(help_text="Separated by commas.")
    remove_tags = tag_line(help_text="Separated by commas.")
    replace_tags = tag_line(
        label="Replace all tags with", help_text="Use this instead of adding and removing tags."
    )
    no_tags = forms.BooleanField(
        label="Remove all tags", required=False, widget=UnfoldBooleanSwitchWidget()
    )
    creator = _optional("creator", SAME)
    creator_url = _optional(
        "creator_url",
        "Address of the new creator. Leave empty if there is none.",
        None,
        validate_web_url,
    )
    no_creator = forms.BooleanField(
        label="Remove the creator", required=False, widget=UnfoldBooleanSwitchWidget()
    )

    def clean(self) -> dict[str, Any]:
        """Check that the fields do not contradict each other."""
        given: dict[str, Any] = {name: value for name, value in self.cleaned_data.items() if value}
        names = given.keys()
        if not names and not self.errors:
            raise ValidationError("Nothing to change: every field is empty.")
        if len(names & {"replace_tags", "no_tags"}) + bool(names & {"add_tags", "remove_tags"}) > 1:
            raise ValidationError(
                "Choose one: add and remove tags, or replace all tags, or remove all tags."
            )
        both = set(given.get("add_tags", [])) & set(given.get("remove_tags", []))
        if both:
            self.add_error("remove_tags", f"Already in “Add tags”: {', '.join(sorted(both))}.")
        if "no_creator" in names and names & {"creator", "creator_url"}:
            self.add_error("no_creator", "Enter a creator or remove it, not both.")
        elif "creator_url" in names and "creator" not in names:
            self.add_error("creator", "Enter the name of the creator as well.")
        return self.cleaned_data

    def edit(self) -> Edit:
        """Return the change that a valid form describes."""
        given = self.cleaned_data
        values: dict[str, Any] = {}
        if given["genre"]:
            values["genre"] = given["genre"]
        if given["replace_tags"] or given["no_tags"]:
            values["tags"] = given["replace_tags"]
        if given["licence"]:
            values["licence"] = None if given["licence"] == NONE else given["licence"]
        if given["creator"] or given["no_creator"]:
            values["creator"] = given["creator"] or None
            values["creator_url"] = given["creator_url"] or None
        return Edit(values, given["add_tags"], given["remove_tags"])
