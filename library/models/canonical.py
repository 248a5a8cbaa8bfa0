"""Text fields that accept several spellings and store one canonical form."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.db import models

Canonical = Callable[[str], str]


class CanonicalTextField(forms.CharField):
    """A form field that accepts every spelling and returns the canonical one."""

    def __init__(self, *, canonical: Canonical, **options: Any) -> None:
        super().__init__(**options)
        self._canonical = canonical

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return self._canonical(text) if text else text


class CanonicalCharField(models.CharField[Any, Any]):
    """A CharField whose values `canonical` normalises, or rejects with a ValidationError.

    Forms, imports and the API accept every spelling that `canonical` accepts. Migrations contain a
    plain CharField, since `canonical` does not change the column.
    """

    def __init__(self, *args: Any, canonical: Canonical = str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.canonical = canonical

    def deconstruct(self) -> Any:
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.CharField", args, options

    def clone(self) -> Any:
        clone: Any = super().clone()
        clone.canonical = self.canonical
        return clone

    def clean(self, value: Any, model_instance: Any) -> Any:
        text = self.to_python(value)
        text = text if text in self.empty_values else self.canonical(text)
        return super().clean(text, model_instance)

    def formfield(self, **options: Any) -> Any:
        if self.choices is None:
            form_class = partial(CanonicalTextField, canonical=self.canonical)
            options = {"form_class": form_class, "max_length": None} | options
        return super().formfield(**options)
