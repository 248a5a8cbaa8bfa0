"""The form in which a clip is written."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminFileWidget

from library.audio.sniff import SNIFF_BYTES, audio_type
from library.models import Clip
from library.models.tag import normalise_tags


class AudioFileInput(AdminFileWidget):
    """Names the file without a link: it is heard in the player, and has no address of its own."""

    template_name = "library/audio_file_input.html"


class ClipForm(forms.ModelForm[Clip]):
    """A clip with its audio from a URL or from an upload."""

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
        widgets = {"audio_file": AudioFileInput}

    def clean_tags(self) -> list[str]:
        """The tags in their normal form."""
        return normalise_tags(self.cleaned_data["tags"])

    def clean_audio_file(self) -> Any:
        """The upload, if it is audio by its bytes."""
        upload = self.cleaned_data["audio_file"]
        if upload and "audio_file" in self.changed_data:
            self._content_type = audio_type(upload.read(SNIFF_BYTES))
            upload.seek(0)
            if self._content_type is None:
                raise forms.ValidationError(
                    "This file is not audio of a known type: mp3, ogg, m4a, wav, flac, aac, webm."
                )
        return upload

    def save(self, commit: bool = True) -> Clip:
        """The clip; another audio is not what was known of the one before."""
        if {"audio_url", "audio_file"} & set(self.changed_data):
            self.instance.forget_audio()
            if self.cleaned_data["audio_file"]:
                self.instance.content_type = self._content_type
                self.instance.size_bytes = self.cleaned_data["audio_file"].size
        clip: Clip = super().save(commit)
        return clip
