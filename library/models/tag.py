"""Tags: lower-case words of a clip, in an array beside its other fields.

docs/decisions/0003-tags-as-an-array.md says why they have no table.
"""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import ValidationError
from django.db.models import CharField, F, Func, Value
from django.db.models.expressions import Combinable

from library.text import composed, validate_block

MAX_TAGS = 20
MAX_TAG_LENGTH = 40
_TAG = CharField(max_length=MAX_TAG_LENGTH)
_TAGS = ArrayField(_TAG)
_EACH_ONCE = (  # at its first position
    "ARRAY(SELECT tag FROM unnest(%(expressions)s) WITH ORDINALITY AS listed (tag, place)"
    " GROUP BY tag ORDER BY min(place))"
)


def normalise_tag(text: str) -> str:
    """Return the tag in lower case and composed characters, with single spaces between words.

    Raises ValidationError.
    """
    tag = " ".join(composed(composed(text).lower()).split())
    if not tag:
        raise ValidationError("A tag needs at least one letter.", code="blank")
    if len(tag) > MAX_TAG_LENGTH:
        raise ValidationError(
            f"“{tag[:20]}…” is too long: a tag has at most {MAX_TAG_LENGTH} characters.",
            code="max_length",
        )
    if "," in tag:
        raise ValidationError(
            "A tag cannot contain commas. Enter each tag separately.", code="invalid"
        )
    validate_block(text.strip())  # of which `tag` has lost the line breaks
    return tag


def normalise_tags(texts: Iterable[str]) -> list[str]:
    """Return the tags without duplicates, in the given order. Raises ValidationError."""
    tags = list(dict.fromkeys(normalise_tag(text) for text in texts))
    if len(tags) > MAX_TAGS:
        raise ValidationError(f"A clip has at most {MAX_TAGS} tags.", code="max_length")
    return tags


def edited_tags(tags: Iterable[str], add: Iterable[str], remove: Iterable[str]) -> list[str]:
    """Return the tags with some appended, unless they are there already, and some removed."""
    removed = set(remove)
    return [tag for tag in dict.fromkeys((*tags, *add)) if tag not in removed]


def with_edited_tags(add: Iterable[str], remove: Iterable[str]) -> Func:
    """Return `edited_tags` as an expression, for an UPDATE that works on the current tags."""
    edited: Combinable = Func(F("tags"), Value(list(add), _TAGS), function="array_cat")
    for tag in remove:
        edited = Func(edited, Value(tag, _TAG), function="array_remove")
    return Func(edited, template=_EACH_ONCE, output_field=_TAGS)


class TagLine(SimpleArrayField):
    """A form field for tags: one line, with commas between them."""

    def __init__(self, base_field: Any = None, *, max_length: Any = None, **options: Any) -> None:
        # normalise_tags checks lengths and numbers, and has the better messages.
        super().__init__(forms.CharField(), **options)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        return normalise_tags(super().clean(value))


class TagsField(ArrayField[Any, list[str]]):
    """The tags of a clip. Migrations see a plain array."""

    def __init__(self, base_field: Any = None, size: int = MAX_TAGS, **options: Any) -> None:
        super().__init__(base_field or CharField(max_length=MAX_TAG_LENGTH), size, **options)

    def deconstruct(self) -> Any:
        name, _, args, options = super().deconstruct()
        return name, "django.contrib.postgres.fields.ArrayField", args, options

    def formfield(self, **options: Any) -> Any:
        return super().formfield(**{"form_class": TagLine} | options)
