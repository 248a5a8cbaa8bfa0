"""Cells as values of a model field, converted by the type of the field.

The checks and their messages are those of the form.
"""

from collections.abc import Callable
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models

from library.admin.exchange.columns import WRITTEN
from library.models.canonical import CanonicalCharField
from library.models.fields import NUMBERS

REQUIRED_MESSAGE = "This field is required."
FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read_value(field: Any, cell: Any) -> Any:
    """Return a cell as a value of the model field. Raises ValidationError."""
    if field.choices is not None and not isinstance(field, CanonicalCharField):
        return _read_choice(field, cell)
    readers = (reader for types, reader in _READERS if isinstance(field, types))
    return next(readers, _read_text)(field, cell)


def text_of(cell: Any) -> str:
    """Return a cell that holds text or nothing. Raises ValidationError for other JSON."""
    if cell is not None and not isinstance(cell, str):
        raise ValidationError("Must be a string.")
    return cell or ""


def _read_text(field: Any, cell: Any) -> Any:
    return _clean(field, text_of(cell))


def _read_canonical(field: Any, cell: Any) -> Any:
    text = text_of(cell).strip()
    return field.clean(text, None) if text else _empty(field)


def _read_choice(field: Any, cell: Any) -> Any:
    text = "" if cell is None else str(cell).strip().lower()
    values = {str(value).lower(): value for value, _ in field.flatchoices}
    if not text:
        return _empty(field)
    if text not in values:
        raise ValidationError(f"Enter one of: {', '.join(values)}.")
    return values[text]


def _read_number(field: Any, cell: Any) -> Any:
    if isinstance(cell, bool):
        raise ValidationError("Enter a number.")
    if isinstance(cell, str) and "," in cell:
        raise ValidationError("Enter a number with a point, such as 30.5.")
    return _clean(field, cell)


def _read_flag(field: Any, cell: Any) -> Any:
    text = "" if cell is None else str(cell).strip().lower()
    if not text:
        return _empty(field)
    if text not in FLAGS:
        raise ValidationError("Enter true or false.")
    return FLAGS[text]


def _read_array(field: Any, cell: Any) -> Any:
    items = [] if cell is None else cell
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValidationError('Enter a list of strings, such as ["rain", "night"].')
    return _clean(field, items)


def _clean(field: Any, value: Any) -> Any:
    """Convert and check a value as the form does, then as the model does."""
    cleaned = _FORM_FIELDS[field.name].clean(value)
    if cleaned in field.empty_values and (field.blank or field.null):
        return cleaned
    return field.clean(cleaned, None)


def _empty(field: Any) -> Any:
    if field.null:
        return None
    if not field.blank:
        raise ValidationError(REQUIRED_MESSAGE)
    return ""


_READERS: tuple[tuple[Any, Callable[[Any, Any], Any]], ...] = (
    (CanonicalCharField, _read_canonical),
    (ArrayField, _read_array),
    (models.BooleanField, _read_flag),
    (NUMBERS, _read_number),
)
_FORM_FIELDS = {
    name: field.formfield(required=not (field.blank or field.null))
    for name, field in WRITTEN.items()
}
