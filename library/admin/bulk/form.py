"""What may be changed of many clips at once, as an editor writes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.postgres.forms import SimpleArrayField
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
from library.models.tag import edited_tags, normalise_tags, with_edited_tags
from library.validators import validate_web_url

Validator = Callable[[Any], None]

NONE = "none"
SAME = "Leave empty to keep what each clip has."


@dataclass(frozen=True)
class Edit:
    """A change of many clips: `values` become those of all, tags are added and removed."""

    values: dict[str, Any]
    add: list[str]
    remove: list[str]

    @property
    def fields(self) -> list[str]:
        """What it may change."""
        return [*self.values, *(["tags"] if self.add or self.remove else [])]

    def alter(self, clip: Clip) -> None:
        """Change one clip, unsaved."""
        for name, value in self.values.items():
            setattr(clip, name, value)
        if self.add or self.remove:
            clip.tags = edited_tags(clip.tags, self.add, self.remove)

    def write(self, clips: ClipQuerySet) -> int:
        """Change them in the database, and nothing else of them: no play is lost."""
        values = dict(self.values)
        if self.add or self.remove:
            values["tags"] = with_edited_tags(self.add, self.remove)
        return clips.update(**values, updated_at=timezone.now())

    def told(self) -> list[str]:
        """The change in words."""
        told = []
        for name, value in self.values.items():
            label = history.label(name)
            shown = ", ".join(value) if isinstance(value, list) else value
            if name == "licence" and value:
                shown = LICENCES[value].name
            told.append(f"{label}: {shown}" if shown else f"no {label}")
        told += [f"add tag: {tag}" for tag in self.add]
        return told + [f"remove tag: {tag}" for tag in self.remove]


class TagsField(SimpleArrayField):
    """Tags, separated by commas, in their normal form."""

    def __init__(self, **options: Any) -> None:
        tag = forms.CharField()
        super().__init__(tag, required=False, widget=words_input("tag"), **options)

    def clean(self, value: Any) -> list[str]:
        """The tags. Raises ValidationError."""
        return normalise_tags(super().clean(value))


def _optional(
    name: str, help_text: str, widget: forms.Widget | None = None, *validators: Validator
) -> forms.Field:
    """A field as long as the clip's own, that may be left empty."""
    field: forms.Field = forms.fields_for_model(
        Clip,
        (name,),
        widgets={name: widget or UnfoldAdminTextInputWidget()},
        help_texts={name: help_text},
    )[name]
    field.required = False
    field.validators += validators
    return field


class BulkForm(forms.Form):
    """What an editor changes of many clips; what is left empty stays as it is."""

    genre = _optional("genre", SAME, words_input("genre", autofocus=True))
    licence = forms.ChoiceField(
        choices=[("", "Keep what each clip has"), (NONE, "No licence"), *licence_choices()],
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )
    add_tags = TagsField(help_text="Separated by commas.")
    remove_tags = TagsField(help_text="Separated by commas.")
    replace_tags = TagsField(
        label="Replace all tags by", help_text="Instead of adding and removing."
    )
    no_tags = forms.BooleanField(
        label="Remove all tags", required=False, widget=UnfoldBooleanSwitchWidget()
    )
    creator = _optional("creator", SAME)
    creator_url = _optional(
        "creator_url",
        "Goes with the creator: without one, the new creator has none.",
        None,
        validate_web_url,
    )
    no_creator = forms.BooleanField(
        label="Remove the creator", required=False, widget=UnfoldBooleanSwitchWidget()
    )

    def clean(self) -> dict[str, Any]:
        """What was written, if it makes one sense. Raises ValidationError."""
        given: dict[str, Any] = {name: value for name, value in self.cleaned_data.items() if value}
        names = given.keys()
        if not names and not self.errors:
            raise ValidationError("Say what to change: all was left empty.")
        if len(names & {"replace_tags", "no_tags"}) + bool(names & {"add_tags", "remove_tags"}) > 1:
            raise ValidationError("Add and remove tags, or replace them all, or remove them all.")
        both = set(given.get("add_tags", [])) & set(given.get("remove_tags", []))
        if both:
            self.add_error("remove_tags", f"Added above: {', '.join(sorted(both))}.")
        if "no_creator" in names and names & {"creator", "creator_url"}:
            self.add_error("no_creator", "Name a creator, or remove the creator.")
        elif "creator_url" in names and "creator" not in names:
            self.add_error("creator", "Whose address is it? Name the creator too.")
        return self.cleaned_data

    def edit(self) -> Edit:
        """The change that a valid form means."""
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
