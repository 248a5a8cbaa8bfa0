"""Fields of JSON bodies and query parameters, chosen by the type of the model's field."""

import math
import re
from collections.abc import Iterable
from typing import Any, TypeAlias

from django.core.validators import MinValueValidator, ProhibitNullCharactersValidator
from django.db import models
from rest_framework import serializers
from rest_framework.fields import empty

from library.models import Clip
from library.models.canonical import Canonical, CanonicalCharField
from library.models.tag import MAX_TAG_LENGTH, MAX_TAGS, normalise_tags
from library.models.text import BlockField, LineField
from library.plays.request import is_host
from library.text import composed
from library.validators import validate_audio_url

Field: TypeAlias = "serializers.Field[Any, Any, Any, Any]"
Options = dict[str, Any]

# Descriptions for clients, where the model's help text is written for the form or missing.
DESCRIPTIONS = {
    "title": "What the clip is called.",
    "description": "Free text.",
    "genre": "Such as `ambient` or `jazz`.",
    "duration": "Seconds, above 0 and at most 3600.",
    "tags": f"At most {MAX_TAGS} of at most {MAX_TAG_LENGTH} characters, without commas. Stored in "
    "lower case and without duplicates.",
    "creator_url": "The creator's web address: http or https.",
    "licence": "An SPDX identifier. A Creative Commons licence may be given by its URL.",
    "preview_start": "Start of the preview in seconds; null to start with the loudest part.",
    "preview_length": "Length of the preview in seconds, 5 to 60; null for 30.",
    "preview_fade_in": "Length of the fade at the start of the preview in seconds, at most 10; "
    "null for 0.1, or for none at the start of the audio.",
    "preview_fade_out": "Length of the fade at the end of the preview in seconds, at most 10; null "
    "for 1, or for none at the end of the audio.",
    "health": "Result of the last check of the audio's source.",
    "content_type": "Media type of the audio, read from its bytes; null until known.",
    "size_bytes": "Size of the audio; null until known.",
    "state": "`published` wherever a clip is read. If the operator moderates additions, a new clip "
    "is a `draft`, which the API does not show until an editor publishes it.",
}
# Fields that accept several spellings.
CANONICAL = [
    field.name for field in Clip._meta.concrete_fields if isinstance(field, CanonicalCharField)
]


class TextField(serializers.CharField):
    """A JSON string without surrounding white space; DRF would convert numbers to text.

    The validators of the model's field refuse NUL.
    """

    default_error_messages = {"type": "Must be a string."}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        own = ProhibitNullCharactersValidator
        self.validators = [found for found in self.validators if not isinstance(found, own)]

    def run_validation(self, data: Any = empty) -> Any:
        if data is not empty and data is not None and not isinstance(data, str):
            self.fail("type")
        return super().run_validation(data)


class ComposedField(TextField):
    """A text whose characters are composed, as those of the model's field are."""

    def to_internal_value(self, data: Any) -> str:
        return composed(super().to_internal_value(data))


class AudioURLField(TextField, serializers.URLField):
    """The URL of an audio. Only what the policy allows is checked for its form."""

    def to_internal_value(self, data: Any) -> str:
        url: str = super().to_internal_value(data)
        validate_audio_url(url)
        return url


class NumberField(serializers.FloatField):
    """A JSON number; DRF would accept `true` and `"30"`."""

    default_error_messages = {"type": "Must be a number."}

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("type")
        return float(super().to_internal_value(data))


class WholeNumberField(serializers.IntegerField):
    """A JSON number without decimals; DRF would accept `true` and `"30"`."""

    default_error_messages = {"type": "Must be a whole number."}

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("type")
        return int(super().to_internal_value(data))


class FlagField(serializers.BooleanField):
    """`true` or `false` in JSON; DRF would accept `"yes"` and 1."""

    default_error_messages = {"type": "Must be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("type")
        return data


class TagsField(serializers.ListField):
    """Tags, which are normalised."""

    child = serializers.CharField()
    default_error_messages = {"type": 'Must be a list of strings, such as ["rain", "night"].'}

    def to_internal_value(self, data: Any) -> list[str]:
        if not isinstance(data, list) or not all(isinstance(tag, str) for tag in data):
            self.fail("type")
        return normalise_tags(data)


class CanonicalField(TextField):
    """A text in any of its spellings, returned in its canonical form."""

    def __init__(self, *, canonical: Canonical, **options: Any) -> None:
        super().__init__(**options)
        self._canonical = canonical

    def to_internal_value(self, data: Any) -> str:
        return self._canonical(super().to_internal_value(data))


class ChoiceParameter(serializers.ChoiceField):
    """One of a few values, which its error message lists."""

    def __init__(self, choices: Iterable[str], **options: Any) -> None:
        values = [str(choice) for choice in choices]
        message = f"“{{input}}” is not a valid choice. Use one of: {', '.join(values)}."
        super().__init__(
            values, required=False, error_messages={"invalid_choice": message}, **options
        )


class OrderParameter(ChoiceParameter):
    """The name of an order, with `-` for the reverse. `+` may stand before it, and is left out.

    An unescaped `+` in a query string arrives as a space.
    """

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(re.sub(r"^[+ ](?!-)", "", data))


class FiniteParameter(serializers.FloatField):
    """A finite number; Python's `float` would accept `nan`, `inf`, `1_000` and other digits."""

    default_error_messages = {"invalid": "Must be a number."}

    def to_internal_value(self, data: Any) -> float:
        number: float = super().to_internal_value(data)
        if "_" in data or not data.isascii():
            self.fail("invalid")
        if not math.isfinite(number):
            self.fail("invalid")
        return number


class FlagParameter(serializers.BooleanField):
    """`true` or `false`; DRF would accept `yes` and `1`."""

    default_error_messages = {"invalid": "Use true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if data not in ("true", "false"):
            self.fail("invalid")
        return bool(data == "true")


class WholeParameter(serializers.IntegerField):
    """A number written in ASCII digits; Python's `int` would accept others, and `1_000`."""

    default_error_messages = {"invalid": "Must be a whole number."}

    def to_internal_value(self, data: Any) -> int:
        if not re.fullmatch(r"\s*-?[0-9]+\s*", data):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class HostParameter(serializers.CharField):
    """The host of a page, returned in lower case; without its port."""

    default_error_messages = {
        "invalid": "Must be a host, such as blog.example, without scheme, port and path."
    }

    def to_internal_value(self, data: Any) -> str:
        host = super().to_internal_value(data).lower()
        if not is_host(host):
            self.fail("invalid")
        return host


# DRF's classes, and the stricter ones that stand in for them in a body.
_STRICT: dict[type, type] = {
    serializers.CharField: TextField,
    serializers.FloatField: NumberField,
    serializers.IntegerField: WholeNumberField,
    serializers.BooleanField: FlagField,
    serializers.ListField: TagsField,
}
BODY_FIELDS = {
    model_class: _STRICT.get(field_class, field_class)
    for model_class, field_class in serializers.ModelSerializer.serializer_field_mapping.items()
} | dict.fromkeys((LineField, BlockField), ComposedField)


def description(model_field: Any) -> str:
    """Return the description of a field for clients."""
    return DESCRIPTIONS.get(model_field.name) or str(model_field.help_text)


def body_field(model_field: Any, field_class: Any, options: Options) -> tuple[Any, Options]:
    """Adapt DRF's choice for a model field to the rules of this API."""
    options.pop("label", None)  # no form shows it
    options |= {"help_text": text} if (text := description(model_field)) else {}
    if isinstance(model_field, CanonicalCharField):
        for limit in ("choices", "max_length"):  # they hold for the canonical form only
            options.pop(limit, None)
        field_class, options["canonical"] = CanonicalField, model_field.canonical
    if field_class is TagsField:
        options.pop("child", None)
    messages = {
        code: model_field.error_messages[code]
        for code in ("min_value", "max_value")
        if code in model_field.error_messages
    }
    if model_field.null and options.pop("allow_blank", False):  # NULL means that there is none
        messages["blank"] = "This field may not be blank. Send null if it has no value."
    return field_class, options | {"error_messages": messages}


def parameter(model_field: Any, purpose: str) -> Field:
    """Return the query parameter that compares clips by this field."""
    help_text = f"{purpose} {description(model_field)}".strip()
    options: Options = {"required": False, "help_text": help_text}
    if isinstance(model_field, CanonicalCharField):
        return CanonicalField(canonical=model_field.canonical, **options)
    if model_field.choices:
        return ChoiceParameter([value for value, _ in model_field.choices], help_text=help_text)
    if isinstance(model_field, models.BooleanField):
        return FlagParameter(**options)
    if isinstance(model_field, models.DateField):
        field_class = serializers.ModelSerializer.serializer_field_mapping[type(model_field)]
        return field_class(**options)
    if isinstance(model_field, models.IntegerField | models.FloatField):
        limits = (v.limit_value for v in model_field.validators if type(v) is MinValueValidator)
        options["min_value"] = 0 if any(limit >= 0 for limit in limits) else None
        whole = isinstance(model_field, models.IntegerField)
        return (WholeParameter if whole else FiniteParameter)(**options)
    return serializers.CharField(max_length=model_field.max_length, **options)
