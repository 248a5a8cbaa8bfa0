"""The query parameters of the calls: what each may be, read or refused by name."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from django.http import QueryDict
from rest_framework import serializers

from library.api.fields import ChoiceParameter, TagsField
from library.api.filters import FILTERS
from library.api.representation import FIELDS
from library.api.sorting import ORDERINGS

Field: TypeAlias = "serializers.Field[Any, Any, Any, Any]"
Parameters: TypeAlias = Mapping[str, Field]

DEFAULT_LIMIT, MAX_LIMIT = 100, 1000
MAX_REPEATED = 20


class GenresParameter(serializers.ListField):
    """Genres, any of which may be a clip's."""

    child = serializers.CharField(max_length=64)

    def to_internal_value(self, data: Any) -> list[str]:
        """The genres; one message for whichever is wrong."""
        try:
            genres: list[str] = super().to_internal_value(data)
        except serializers.ValidationError:
            raise serializers.ValidationError(
                "A genre has 1 to 64 characters, none of them NUL."
            ) from None
        return genres


class FieldsParameter(serializers.CharField):
    """Names of a clip's fields, separated by commas."""

    def to_internal_value(self, data: Any) -> Any:
        """The fields in their usual order."""
        names = {name.strip() for name in super().to_internal_value(data).split(",")}
        if not names <= set(FIELDS):
            raise serializers.ValidationError(
                f"Give some of these, separated by commas: {', '.join(FIELDS)}."
            )
        return tuple(field for field in FIELDS if field in names)


SHOW: Parameters = {
    "fields": FieldsParameter(
        required=False, help_text="Only these fields of each clip: names separated by commas."
    ),
    "format": ChoiceParameter(["json"], help_text="JSON is all there is."),
}
LIST: Parameters = {
    "genre": GenresParameter(
        required=False,
        max_length=MAX_REPEATED,
        help_text="Clips of this genre, whatever its case. Given several times: of any of them.",
    ),
    "tag": TagsField(
        required=False, help_text="Clips with this tag. Given several times: with all of them."
    ),
    "search": serializers.CharField(
        required=False,
        max_length=200,
        allow_blank=True,
        help_text="Clips with all of these words in title, tags, creator or description; each word "
        "finds the words that it begins. Best match first, unless `ordering` is given.",
    ),
    **{name: found.parameter for name, found in FILTERS.items()},
    "ordering": ChoiceParameter(
        [sign + name for name in ORDERINGS for sign in ("", "-")],
        help_text="The order, `-` for descending; ties by id the same way. Without it by `id`.",
    ),
    "limit": serializers.IntegerField(
        min_value=1,
        max_value=MAX_LIMIT,
        default=DEFAULT_LIMIT,
        help_text="So many clips at most on a page.",
    ),
    "cursor": serializers.CharField(required=False, help_text="A page's place, out of a `Link`."),
    **SHOW,
}


def read(query: QueryDict, parameters: Parameters) -> dict[str, Any]:
    """The parameters that a request gives; one that is left blank, as by a form, is not given.

    Raises ValidationError with an entry for each that is unknown, wrong, or given too often.
    """
    found: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for name, values in query.lists():
        given = [value for value in values if value]
        if name not in parameters:
            errors[name] = [f"There is no such parameter. There are: {', '.join(parameters)}."]
        elif given:
            try:
                found[name] = _value(parameters[name], given)
            except serializers.ValidationError as error:
                errors[name] = error.detail
    if errors:
        raise serializers.ValidationError(errors)
    return found


def _value(field: Field, given: list[str]) -> Any:
    if isinstance(field, serializers.ListField):
        return field.run_validation(given)
    if len(given) > 1:
        raise serializers.ValidationError("Give this once.")
    return field.run_validation(given[0])
