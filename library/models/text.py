"""Fields for text that people write: composed characters, and none that hide other text."""

from typing import Any, TypeVar

from django import forms
from django.core.validators import ProhibitNullCharactersValidator
from django.db import models

from library.text import composed, validate_block, validate_line

# Types that can be assigned to a field, and that it returns; the plugin of mypy finds them.
Given = TypeVar("Given")
Got = TypeVar("Got")


class ComposedText(forms.CharField):
    """A form field that returns composed characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        own = ProhibitNullCharactersValidator  # ours refuse NUL, too
        self.validators = [v for v in self.validators if type(v) is not own]

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return composed(text) if text else text


class LineField(models.CharField[Given, Got]):
    """A line of text. Whatever is validated or saved becomes composed.

    Migrations contain a plain CharField, since the column is the same.
    """

    default_validators = [validate_line]  # as in Django

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return composed(text) if isinstance(text, str) else text

    def deconstruct(self) -> Any:
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.CharField", args, options

    def formfield(self, **options: Any) -> Any:
        own: dict[str, Any] = {"form_class": ComposedText, "validators": [validate_line]}
        return super().formfield(**own | options)


class BlockField(models.TextField[Given, Got]):
    """Text of several lines. Whatever is validated or saved becomes composed.

    Migrations contain a plain TextField, since the column is the same.
    """

    default_validators = [validate_block]  # as in Django

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return composed(text) if isinstance(text, str) else text

    def deconstruct(self) -> Any:
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.TextField", args, options

    def formfield(self, **options: Any) -> Any:
        own: dict[str, Any] = {"form_class": ComposedText, "validators": [validate_block]}
        return super().formfield(**own | options)
