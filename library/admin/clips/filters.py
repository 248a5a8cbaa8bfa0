"""The filters of the list of clips."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.db.models import F, FloatField, IntegerField, Q, QuerySet, Value
from django.db.models.functions import Abs, Concat, Lower
from django.db.models.lookups import GreaterThan
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget

from library.admin.suggestions import words_input
from library.analyses import duplicates
from library.models import Clip, Health, State
from library.models.clip import fact
from library.models.tag import normalise_tags

Clips = QuerySet[Clip]
UPLOADED = Q(audio_url="")
TOLERANCE = 0.5  # seconds between a clip's duration and the measured one
_DIFFERENCE = Abs(fact("duration", FloatField()) - F("duration"))
_FAILED = Q(
    analysis__source=Concat("audio_url", "audio_file"),
    analysis__failure__isnull=False,
    audio__isnull=True,
)


class FormFilter(admin.SimpleListFilter):
    """A filter that is a form field; subclasses define the field and the queryset."""

    template = "unfold/filters/filters_field.html"
    parameter_name: str
    title: str

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def has_output(self) -> bool:
        return True

    def field(self) -> forms.Field:
        raise NotImplementedError

    def description(self) -> str:
        """Return the label of the applied filter, such as “Genre: jazz”."""
        return f"{self.title.capitalize()}: {self.value()}"

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Return a form with this field, as the theme's template expects."""
        form = forms.Form({self.parameter_name: self.value()})
        form.fields[self.parameter_name] = self.field()
        yield {"form": form}


class ChoiceFilter(FormFilter):
    """A menu. CHOICES maps each value to its title and the condition it applies."""

    CHOICES: Mapping[str, tuple[str, Q]]
    ANY = "Any"

    def field(self) -> forms.Field:
        choices = [("", self.ANY), *((value, title) for value, (title, _) in self.CHOICES.items())]
        return forms.ChoiceField(
            label=self.title.capitalize(),
            required=False,
            choices=choices,
            widget=UnfoldAdminSelectWidget(),
        )

    def description(self) -> str:
        return f"{self.title.capitalize()}: {self.CHOICES[self.value() or ''][0]}"

    def queryset(self, request: HttpRequest, queryset: Clips) -> Clips:
        value = self.value()
        if not value:
            return queryset
        if value not in self.CHOICES:
            raise IncorrectLookupParameters
        return queryset.filter(self.CHOICES[value][1])


class WordFilter(FormFilter):
    """A text field that suggests known words, for fields with too many values for a menu."""

    words: str  # the kind of suggestions
    help_text = ""

    def field(self) -> forms.Field:
        return forms.CharField(
            label=self.title.capitalize(),
            required=False,
            help_text=self.help_text,
            widget=words_input(self.words),
        )

    def queryset(self, request: HttpRequest, queryset: Clips) -> Clips:
        value = (self.value() or "").strip()
        if "\0" in value:  # PostgreSQL cannot store it, so no clip has it
            return queryset.none()
        return self.with_word(queryset, value) if value else queryset

    def with_word(self, queryset: Clips, value: str) -> Clips:
        raise NotImplementedError


class GenreFilter(WordFilter):
    """Clips of a genre, regardless of case; it uses the index on the lower-case genre."""

    title = parameter_name = words = "genre"

    def with_word(self, queryset: Clips, value: str) -> Clips:
        return queryset.alias(lower_genre=Lower("genre")).filter(lower_genre=Lower(Value(value)))


class TagFilter(WordFilter):
    """Clips with all of the given tags; it uses the index on tags."""

    title = parameter_name = words = "tag"
    help_text = "Separate tags with commas to find clips that have all of them."

    def with_word(self, queryset: Clips, value: str) -> Clips:
        try:
            return queryset.filter(tags__contains=normalise_tags(value.strip(" ,").split(",")))
        except ValidationError:  # no clip can have such a tag
            return queryset.none()


class HealthFilter(ChoiceFilter):
    """Clips by the result of the last check of their source; uploads are never “unchecked”."""

    title = parameter_name = "health"
    CHOICES = {
        Health.FAILING.value: ("Failing", Q(health=Health.FAILING)),
        Health.UNCHECKED.value: ("Unchecked", Q(health=Health.UNCHECKED) & ~UPLOADED),
        Health.OK.value: ("OK", Q(health=Health.OK)),
    }


class SourceFilter(ChoiceFilter):
    """Clips whose audio comes from a URL, or from an upload."""

    title = parameter_name = "source"
    CHOICES = {"url": ("URL", ~UPLOADED), "upload": ("Upload", UPLOADED)}


class AudioFilter(ChoiceFilter):
    """Clips by what the analysis of their audio has found."""

    title = "audio"
    parameter_name = "analysis"
    CHOICES = {
        "duration": ("Duration differs", Q(GreaterThan(_DIFFERENCE, TOLERANCE))),
        "truncated": ("Truncated", Q(audio__truncated=True)),
        "clipping": ("Clipping", Q(GreaterThan(fact("clippings", IntegerField()), 0))),
        "failed": ("Not decodable", _FAILED),
        "none": ("Not analysed yet", Q(audio__isnull=True) & ~_FAILED),
    }


class StateFilter(ChoiceFilter):
    """Drafts, published or withdrawn clips."""

    title = parameter_name = "state"
    CHOICES = {state.value: (state.label, Q(state=state)) for state in State}


class DuplicatesFilter(ChoiceFilter):
    """Clips whose audio another clip has, too."""

    title = parameter_name = "duplicates"
    CHOICES = {"yes": ("Has duplicates", duplicates.has_duplicates())}

    def description(self) -> str:
        return "Has duplicates"


class DeletedFilter(ChoiceFilter):
    """Deleted clips. The list excludes them otherwise."""

    title = parameter_name = "deleted"
    ANY = "Not deleted"
    CHOICES = {"yes": ("Deleted", Q(deleted_at__isnull=False))}

    def description(self) -> str:
        return "Deleted"

    def queryset(self, request: HttpRequest, queryset: Clips) -> Clips:
        queryset = super().queryset(request, queryset)
        return queryset if self.value() else queryset.filter(deleted_at=None)
