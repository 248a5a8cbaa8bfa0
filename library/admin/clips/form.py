"""The form of a clip."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, BinaryIO, cast

from django import forms
from django.contrib.admin.widgets import AdminFileWidget
from django.contrib.postgres.fields import ArrayField
from django.core.files.uploadedfile import UploadedFile
from django.db import models
from django.http import QueryDict
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from library import history
from library.admin.clips.edit_conflicts import PageState, keep_others_changes
from library.audio.containers.reader import Reader
from library.audio.duration import measure, truncation
from library.models import MAX_DURATION, Clip
from library.models.fields import CHECKS, CLIP_FIELDS, EDITORS, SECTIONS, SOUND, written_by
from library.renditions.excerpt import FIELDS as PREVIEW_FIELDS
from library.renditions.excerpt import Choice, mistakes
from library.sources.uploaded_file import (
    NOT_MEASURED,
    TOO_LONG,
    in_doubt,
    type_or_refusal,
    why_too_large,
)

FIELDS = written_by(EDITORS)


class Source(models.TextChoices):
    """The source of a clip's audio."""

    URL = "url", "From a URL"
    UPLOAD = "upload", "Upload a file"


class AudioFileInput(AdminFileWidget):
    """Shows the file's name without a link, since its audio has no address of its own."""

    template_name = "library/admin/clips/_audio_file_input.html"


class LongText(forms.CharField):
    """Text with its original line endings; browsers send others, so each save would change it."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return text.replace("\r\n", "\n") if isinstance(text, str) else text


def of_type(*types: type[models.Field[Any, Any]]) -> list[str]:
    """Return the names of the form's fields whose model field has one of these types."""
    return [name for name in FIELDS if isinstance(Clip._meta.get_field(name), types)]


def fieldsets() -> list[tuple[Any, Any]]:
    """Return the sections of the form; long texts are at the end of a section."""
    long = of_type(models.TextField)
    fields = sorted(CLIP_FIELDS, key=lambda field: field.name in long)
    return [
        (section, {"fields": [field.name for field in fields if field.section == section]})
        for section in SECTIONS
    ]


class ClipForm(forms.ModelForm[Clip]):
    """A clip with its audio from a URL or from an upload.

    The page also sends the chosen source, and the values that it showed when it was opened. A
    request without these may give either source, and overwrites changes that others have made.
    """

    audio_source = forms.ChoiceField(
        choices=Source, required=False, widget=forms.RadioSelect, label="Audio"
    )
    loaded = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Clip
        fields = FIELDS
        widgets = {
            **dict.fromkeys(of_type(models.FileField), AudioFileInput),
            **dict.fromkeys(of_type(ArrayField), UnfoldAdminTextInputWidget),
            **{
                name: UnfoldAdminTextareaWidget(attrs={"rows": 4})
                for name in of_type(models.TextField)
            },
        }
        field_classes = dict.fromkeys(of_type(models.TextField), LongText)
        error_messages = {"audio_file": {"empty": "This file is empty."}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.before: Mapping[str, Any] = history.values_of(self.instance)
        self.measured: float | None = None  # duration of the upload, in seconds
        self.truncation: str | None = None  # a sentence if the upload is shorter than it says
        self.renewed: dict[str, str] = {}  # values that the page shows instead of those it sent
        self.initial.setdefault(
            "audio_source", Source.UPLOAD if self.instance.audio_file else Source.URL
        )
        if self.instance.pk is not None:
            self.initial["loaded"] = PageState.of(self.instance).as_json()
        if "duration" in self.fields:
            self.fields["duration"].required = False  # an upload is measured
            self.fields["duration"].help_text = "Seconds. Leave empty to measure an upload."

    def clean_audio_file(self) -> Any:
        """Return the upload if its bytes are audio and it is not too large."""
        upload = self.cleaned_data["audio_file"]
        if isinstance(upload, UploadedFile):
            refusal = why_too_large(upload.size or 0)
            if refusal is None:
                file = cast("BinaryIO", upload.file)
                self._content_type, refusal = type_or_refusal(Reader(file))
                file.seek(0)
            if refusal:
                raise forms.ValidationError(refusal)
        return upload

    def clean(self) -> dict[str, Any]:
        """Check that there is one source and a duration, and that no other change is lost."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("audio_source") == Source.URL:
            self._clear("audio_file", empty=False)
        elif cleaned.get("audio_source") == Source.UPLOAD:
            self._clear("audio_url", empty="")
        self._require_source(cleaned)
        if "audio_file" not in self.errors:
            self._set_duration(cleaned)
        self._check_preview(cleaned)
        if self.instance.pk is not None and cleaned.get("loaded"):
            self.before, self.renewed = keep_others_changes(self)
            if self.renewed:
                data = cast("QueryDict", self.data).copy()
                for name, value in self.renewed.items():
                    data[name] = value
                self.data = data
        return cleaned

    def _clear(self, source: str, *, empty: Any) -> None:
        """Treat the other source as empty, whatever its field contains."""
        self.errors.pop(source, None)
        self.cleaned_data[source] = empty

    def _require_source(self, cleaned: dict[str, Any]) -> None:
        """Report that the chosen source is missing, at its field."""
        source = cleaned.get("audio_source")
        for name, chosen in (("audio_url", Source.URL), ("audio_file", Source.UPLOAD)):
            if source == chosen and name not in self.errors and not cleaned.get(name):
                self.add_error(name, MISSING[source])

    def _set_duration(self, cleaned: dict[str, Any]) -> None:
        """Measure the file, and use its duration if none is given."""
        audio = cleaned.get("audio_file")
        given = cleaned.get("duration")
        if isinstance(audio, UploadedFile):
            self._measure(cast("BinaryIO", audio.file))
        elif audio and given is None:
            with suppress(OSError):  # the file is missing
                self._measure(self.instance.audio_file.path)
        if given is None and "duration" not in self.errors:
            if self.measured is None:
                self.add_error("duration", NOT_MEASURED if audio else NOT_GIVEN)
            elif self.measured > MAX_DURATION:
                self.add_error("duration", TOO_LONG.format(self.measured))
                return
            cleaned["duration"] = self.measured

    def _check_preview(self, cleaned: dict[str, Any]) -> None:
        """Report a preview that the audio has no room for, at one of its fields."""
        if self.errors.keys().isdisjoint(PREVIEW_FIELDS):
            duration = self.measured or cleaned.get("duration")
            if self.instance.audio and not self._has_new_source(cleaned):
                duration = self.instance.audio["duration"]
            choice = Choice(*(cleaned.get(name) for name in PREVIEW_FIELDS))
            for name, sentence in mistakes(choice, duration).items():
                self.add_error(name, sentence)

    def _has_new_source(self, cleaned: Mapping[str, Any]) -> bool:
        is_upload = isinstance(cleaned.get("audio_file"), UploadedFile)
        return is_upload or cleaned.get("audio_url") != self.before["audio_url"]

    def _measure(self, audio: BinaryIO | str) -> None:
        if found := measure(audio):
            self.measured, self.truncation = found.seconds, truncation(found)

    @property
    def duration_in_doubt(self) -> bool:
        """Whether the given duration differs from the file's by more than 1 s and more than 2%."""
        return in_doubt(self.cleaned_data["duration"], self.measured)

    def save(self, commit: bool = True) -> Clip:
        """Update the clip. If the source changes, forget what is known about the audio."""
        self.written = set(FIELDS)
        upload = self.cleaned_data["audio_file"]
        is_new = isinstance(upload, UploadedFile)
        self.has_new_source = is_new or self.instance.audio_url != self.before["audio_url"]
        if self.has_new_source:
            self.instance.forget_audio()
            self.written.update(written_by(CHECKS, SOUND))
        if is_new:
            self.instance.content_type = self._content_type
            self.instance.size_bytes = upload.size
        clip: Clip = super().save(commit)
        return clip


MISSING = {Source.URL: "Enter the URL of the audio.", Source.UPLOAD: "Choose a file."}
NOT_GIVEN = "Enter the duration in seconds, or select “Check source” to measure it."
