"""What clips are filtered by."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Lower
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget

from library.admin.suggestions import words_input
from library.licences import licence_choices
from library.models import Clip, Health, State
from library.models.tag import normalise_tags

Clips = QuerySet[Clip]
UPLOADED, NO_LICENCE = Q(audio_url=""), Q(licence=None)


class FormFilter(admin.SimpleListFilter):
    """A field in the list's form of filters."""

    template = "unfold/filters/filters_field.html"
    parameter_name: str
    title: str

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """None: the field has them."""
        return []

    def has_output(self) -> bool:
        """Always."""
        return True

    def field(self) -> forms.Field:
        """The field."""
        raise NotImplementedError

    def told(self) -> str:
        """What the list is narrowed to, in words."""
        return f"{self.title.capitalize()}: {self.value()}"

    def choices(self, changelist: Any) -> Iterator[Any]:
        """The form of this one field, as the theme's template takes it."""
        form = forms.Form({self.parameter_name: self.value()})
        form.fields[self.parameter_name] = self.field()
        yield {"form": form}


class ChoiceFilter(FormFilter):
    """One of a few: for each value its title and which clips it leaves."""

    CHOICES: Mapping[str, tuple[str, Q]]
    ANY = "Any"

    def field(self) -> forms.Field:
        """A menu."""
        choices = [("", self.ANY), *((value, title) for value, (title, _) in self.CHOICES.items())]
        return forms.ChoiceField(
            label=self.title.capitalize(),
            required=False,
            choices=choices,
            widget=UnfoldAdminSelectWidget(),
        )

    def told(self) -> str:
        """The title of what is chosen."""
        return f"{self.title.capitalize()}: {self.CHOICES[self.value() or ''][0]}"

    def queryset(self, request: HttpRequest, queryset: Clips) -> Clips:
        """The clips that the choice leaves. Raises IncorrectLookupParameters."""
        value = self.value()
        if not value:
            return queryset
        if value not in self.CHOICES:
            raise IncorrectLookupParameters
        return queryset.filter(self.CHOICES[value][1])


class WordFilter(FormFilter):
    """A word of which there may be many: written, with the known ones suggested."""

    words: str  # of which kind
    help_text = ""

    def field(self) -> forms.Field:
        """A line of text."""
        return forms.CharField(
            label=self.title.capitalize(),
            required=False,
            help_text=self.help_text,
            widget=words_input(self.words),
        )

    def queryset(self, request: HttpRequest, queryset: Clips) -> Clips:
        """The clips with this word; no clip has what PostgreSQL cannot hold."""
        value = (self.value() or "").strip()
        if "\0" in value:
            return queryset.none()
        return self.with_word(queryset, value) if value else queryset

    def with_word(self, queryset: Clips, value: str) -> Clips:
        """The clips with what was written."""
        raise NotImplementedError


class GenreFilter(WordFilter):
    """Clips of a genre, case aside."""

    title = parameter_name = words = "genre"

    def with_word(self, queryset: Clips, value: str) -> Clips:
        """By the index on the lower-case genre."""
        return queryset.alias(lower_genre=Lower("genre")).filter(lower_genre=Lower(Value(value)))


class TagFilter(WordFilter):
    """Clips that bear all of some tags."""

    title = parameter_name = words = "tag"
    help_text = "Several, separated by commas: clips that bear all."

    def with_word(self, queryset: Clips, value: str) -> Clips:
        """By the index on tags; no clip has what is not a tag."""
        try:
            return queryset.filter(tags__contains=normalise_tags(value.strip(" ,").split(",")))
        except ValidationError:
            return queryset.none()


class LicenceFilter(ChoiceFilter):
    """Clips under a licence, or of which none is known."""

    title = parameter_name = "licence"
    CHOICES = {"none": ("None", NO_LICENCE)} | {
        name: (title, Q(licence=name)) for name, title in licence_choices()
    }


class HealthFilter(ChoiceFilter):
    """Whether the audio could be had when it was last looked at; of uploads nobody doubts it."""

    title = parameter_name = "health"
    CHOICES = {
        Health.FAILING.value: ("Failing", Q(health=Health.FAILING)),
        Health.UNCHECKED.value: ("Unchecked", Q(health=Health.UNCHECKED) & ~UPLOADED),
        Health.OK.value: ("OK", Q(health=Health.OK)),
    }


class SourceFilter(ChoiceFilter):
    """Clips by where their audio comes from."""

    title = parameter_name = "source"
    CHOICES = {"url": ("URL", ~UPLOADED), "upload": ("Upload", UPLOADED)}


class StateFilter(ChoiceFilter):
    """Drafts, published or withdrawn clips."""

    title = parameter_name = "state"
    CHOICES = {state.value: (state.label, Q(state=state)) for state in State}


class DeletedFilter(ChoiceFilter):
    """Deleted clips are shown apart, where they can be restored."""

    title = parameter_name = "deleted"
    ANY = "Not deleted"
    CHOICES = {"yes": ("Deleted", Q(deleted_at__isnull=False))}

    def told(self) -> str:
        """That they are the deleted ones."""
        return "Deleted"

    def queryset(self, request: HttpRequest, queryset: Clips) -> Clips:
        """The deleted clips, or the others."""
        queryset = super().queryset(request, queryset)
        return queryset if self.value() else queryset.filter(deleted_at=None)


FILTERS = (
    GenreFilter,
    TagFilter,
    LicenceFilter,
    HealthFilter,
    SourceFilter,
    StateFilter,
    DeletedFilter,
)
