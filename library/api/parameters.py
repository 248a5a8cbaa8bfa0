"""The query parameters of the calls: what each may be, read or refused by name."""

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from django.core.exceptions import ValidationError as ModelValidationError
from django.http import QueryDict
from rest_framework import serializers

from library.api.representation import FIELDS
from library.api.sorting import ORDERINGS
from library.licences import UnknownLicenceError, find_licence
from library.models import Health
from library.models.tag import normalise_tags

Field: TypeAlias = "serializers.Field[Any, Any, Any, Any]"
Parameters: TypeAlias = Mapping[str, Field]

DEFAULT_LIMIT, MAX_LIMIT = 100, 1000
MAX_REPEATED = 20


class ChoiceParameter(serializers.ChoiceField):
    """One of some words, which a refusal names."""

    def __init__(self, choices: list[str], **options: Any) -> None:
        message = f"“{{input}}” is none of: {', '.join(choices)}."
        super().__init__(
            choices, required=False, error_messages={"invalid_choice": message}, **options
        )


class SecondsParameter(serializers.FloatField):
    """A finite number of seconds."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, required=False, **options)

    def to_internal_value(self, data: Any) -> float:
        """The number; Python alone would take `nan` and `inf` for some."""
        seconds: float = super().to_internal_value(data)
        if not math.isfinite(seconds):
            self.fail("invalid")
        return seconds


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


class TagsField(serializers.ListField):
    """Tags in their normal form."""

    child = serializers.CharField()

    def to_internal_value(self, data: Any) -> list[str]:
        """The tags; all messages in one list."""
        if not isinstance(data, list) or not all(isinstance(tag, str) for tag in data):
            raise serializers.ValidationError('Give a list of strings, such as ["rain", "night"].')
        try:
            return normalise_tags(data)
        except ModelValidationError as error:
            raise serializers.ValidationError(error.messages) from None


class LicenceField(serializers.CharField):
    """A licence's SPDX identifier, whichever way the licence was named."""

    def to_internal_value(self, data: Any) -> str:
        """The identifier; of what is no text too, a refusal names those there are."""
        try:
            return find_licence(super().to_internal_value(data)).id
        except UnknownLicenceError as error:
            raise serializers.ValidationError(str(error)) from None


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
    "min_duration": SecondsParameter(help_text="Clips of so many seconds or more."),
    "max_duration": SecondsParameter(help_text="Clips of so many seconds or less."),
    "licence": LicenceField(
        required=False,
        help_text="Clips under this licence: an SPDX identifier or a Creative Commons URL.",
    ),
    "health": ChoiceParameter(
        [choice.value for choice in Health], help_text="Clips whose source is in this state."
    ),
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
