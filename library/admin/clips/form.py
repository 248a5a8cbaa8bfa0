"""The form in which a clip is written."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, BinaryIO, cast

from django import forms
from django.contrib.admin.widgets import AdminFileWidget
from django.contrib.postgres.forms import SimpleArrayField
from django.core.files.uploadedfile import UploadedFile
from django.db import models
from django.http import QueryDict
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from library import history
from library.admin.clips.edit_conflicts import PageState, keep_others_changes
from library.admin.clips.uploaded_file import head_of, why_refused
from library.audio.duration import duration_of
from library.audio.sniff import audio_type
from library.models import Clip
from library.models.tag import normalise_tags

AUDIO_FACTS = ("content_type", "size_bytes")
HEALTH_FACTS = ("health", "health_reason", "health_since", "health_checked_at")


class Source(models.TextChoices):
    """Where a clip's audio comes from."""

    URL = "url", "From a URL"
    UPLOAD = "upload", "Upload a file"


class AudioFileInput(AdminFileWidget):
    """Names the file without a link: it is heard in the player, and has no address of its own."""

    template_name = "library/admin/clips/_audio_file_input.html"


class PlainText(forms.CharField):
    """Text whose lines end as they did before a browser sent it, or each save would change it."""

    def to_python(self, value: Any) -> Any:
        """The text with plain ends of lines."""
        text = super().to_python(value)
        return text.replace("\r\n", "\n") if isinstance(text, str) else text


class TagLine(SimpleArrayField):
    """Tags in one line, with room between them."""

    def prepare_value(self, value: Any) -> Any:
        """The line."""
        return ", ".join(value) if isinstance(value, list) else value


class ClipForm(forms.ModelForm[Clip]):
    """A clip with its audio from a URL or from an upload.

    A page sends along which of the two is meant, and what it showed when it was opened. Who sends
    neither may give either source, and overwrites whatever is there.
    """

    audio_source = forms.ChoiceField(
        choices=Source, required=False, widget=forms.RadioSelect, label="Audio"
    )
    loaded = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        """What an editor writes."""

        model = Clip
        fields = (
            "title",
            "description",
            "genre",
            "tags",
            "duration",
            "audio_url",
            "audio_file",
            "creator",
            "creator_url",
            "licence",
        )
        widgets = {
            "audio_file": AudioFileInput,
            "tags": UnfoldAdminTextInputWidget,
            "description": UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        }
        field_classes = {"tags": TagLine, "description": PlainText}
        error_messages = {"audio_file": {"empty": "This file is empty."}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.before: Mapping[str, Any] = history.values_of(self.instance)
        self.measured: float | None = None  # seconds, of an upload
        self.renewed: dict[str, str] = {}  # what fields show instead of what was sent
        self.initial.setdefault(
            "audio_source", Source.UPLOAD if self.instance.audio_file else Source.URL
        )
        if self.instance.pk is not None:
            self.initial["loaded"] = PageState.of(self.instance).as_json()
        if "duration" in self.fields:
            self.fields["duration"].required = False  # an upload is measured
            self.fields["duration"].help_text = "Seconds. Left empty, an upload is measured."

    def clean_tags(self) -> list[str]:
        """The tags in their normal form."""
        return normalise_tags(self.cleaned_data["tags"])

    def clean_audio_file(self) -> Any:
        """The upload, if it is audio by its bytes and not too large."""
        upload = self.cleaned_data["audio_file"]
        if isinstance(upload, UploadedFile):
            head = head_of(upload)
            refusal = why_refused(head, upload.size or 0)
            if refusal:
                raise forms.ValidationError(refusal)
            self._content_type = audio_type(head)
        return upload

    def clean(self) -> dict[str, Any]:
        """The fields together: one source, its length, and no change of others' overwritten."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("audio_source") == Source.URL:
            self._leave_out("audio_file", nothing=False)
        elif cleaned.get("audio_source") == Source.UPLOAD:
            self._leave_out("audio_url", nothing="")
        self._demand_chosen(cleaned)
        if "audio_file" not in self.errors:
            self._settle_duration(cleaned)
        if self.instance.pk is not None and cleaned.get("loaded"):
            self.before, self.renewed = keep_others_changes(self)
            if self.renewed:
                data = cast("QueryDict", self.data).copy()
                for name, value in self.renewed.items():
                    data[name] = value
                self.data = data
        return cleaned

    def _leave_out(self, source: str, *, nothing: Any) -> None:
        """Take the other source for empty, whatever stands in its field."""
        self.errors.pop(source, None)
        self.cleaned_data[source] = nothing

    def _demand_chosen(self, cleaned: dict[str, Any]) -> None:
        """Say at its field that the source that is meant is missing."""
        source = cleaned.get("audio_source")
        for name, meant in (("audio_url", Source.URL), ("audio_file", Source.UPLOAD)):
            if source == meant and name not in self.errors and not cleaned.get(name):
                self.add_error(name, MISSING[source])

    def _settle_duration(self, cleaned: dict[str, Any]) -> None:
        """Measure the file, whose length counts where none is given."""
        audio = cleaned.get("audio_file")
        given = cleaned.get("duration")
        if isinstance(audio, UploadedFile):
            self.measured = duration_of(cast("BinaryIO", audio.file))
        elif audio and given is None:
            with suppress(OSError):  # the file is missing
                self.measured = duration_of(self.instance.audio_file.path)
        if given is None and "duration" not in self.errors:
            if self.measured is None:
                self.add_error("duration", NOT_MEASURED if audio else NOT_GIVEN)
            cleaned["duration"] = self.measured

    @property
    def duration_in_doubt(self) -> bool:
        """Whether the file's length is another than the one given: by a second and by 2 %."""
        given = self.cleaned_data["duration"]
        return self.measured is not None and abs(given - self.measured) > max(
            1.0, 0.02 * self.measured
        )

    @property
    def changes(self) -> bool:
        """Whether anything differs from what it was before."""
        return bool(history.change_message(self.before, history.values_of(self.instance)))

    def save(self, commit: bool = True) -> Clip:
        """The clip; another audio is not what was known of the one before."""
        self.written = set(self._meta.fields or ())
        if self.instance.audio_url != self.before["audio_url"] or self._uploaded:
            self.instance.forget_audio()
            self.written |= {*AUDIO_FACTS, *HEALTH_FACTS}
            if self._uploaded:
                self.instance.content_type = self._content_type
                self.instance.size_bytes = self.cleaned_data["audio_file"].size
        clip: Clip = super().save(commit)
        return clip

    @property
    def _uploaded(self) -> bool:
        return isinstance(self.cleaned_data["audio_file"], UploadedFile)


MISSING = {Source.URL: "Give the address of the audio.", Source.UPLOAD: "Choose a file."}
NOT_GIVEN = "Give the duration in seconds, or press “Check source”, which measures it."
NOT_MEASURED = "The length of this file cannot be read from it: give it in seconds."
