"""The back office: clips are found, added, edited and heard; plays are read."""

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminFileWidget
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html

from library.audio.errors import AudioUnavailableError
from library.audio.sniff import SNIFF_BYTES, audio_type
from library.delivery import deliver
from library.models import Clip, PlayEvent
from library.models.tag import normalise_tags
from library.sources import open_audio

admin.site.site_header = "Clips Service"
admin.site.site_title = "Clips Service"
admin.site.index_title = "Back office"


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


class DeletedFilter(admin.SimpleListFilter):
    """Deleted clips are shown apart, where they can be restored."""

    title = "deleted"
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choice beside the first."""
        return [("yes", "Deleted")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """The first choice, which Django calls `All`, is: all that are not deleted."""
        first, *others = super().choices(changelist)
        yield from ({**first, "display": "Available"}, *others)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Clip]) -> QuerySet[Clip]:
        """The deleted clips, or the others."""
        return queryset.filter(deleted_at__isnull=self.value() != "yes")


@admin.register(Clip)
class ClipAdmin(admin.ModelAdmin[Clip]):
    """Clips, found by their words or genre, and heard without counting a play."""

    class Media:
        """What makes the players small enough for a list."""

        css = {"all": ("library/admin.css",)}

    form = ClipForm
    list_display = ("title", "player", "genre", "shown_length", "play_count", "source")
    list_filter = (DeletedFilter, "genre")
    search_fields = ("title", "description", "genre")
    readonly_fields = (
        "player",
        "content_type",
        "size_bytes",
        "health",
        "play_count",
        "created_at",
        "updated_at",
        "deleted_at",
    )
    list_per_page = 50
    show_full_result_count = False
    actions = ("restore",)

    @admin.display(description="duration", ordering="duration")
    def shown_length(self, clip: Clip) -> str:
        """Minutes and seconds."""
        return clip.length

    @admin.display(description="source")
    def source(self, clip: Clip) -> str:
        """Where the audio is."""
        return "upload" if clip.audio_file else "URL"

    @admin.display(description="listen")
    def player(self, clip: Clip) -> str:
        """An audio element that counts no play."""
        if clip.pk is None:
            return "-"
        url = reverse("admin:library_clip_audio", args=[clip.pk])
        return format_html(
            '<audio controls preload="none" src="{}" aria-label="Listen to {}"></audio>',
            url,
            clip.title,
        )

    def get_urls(self) -> list[URLPattern]:
        """The admin's own paths, and the audio for editors."""
        audio = path(
            "<int:pk>/audio", self.admin_site.admin_view(self.audio), name="library_clip_audio"
        )
        return [audio, *super().get_urls()]

    def audio(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The clip's audio for an editor's ears: not a play."""
        clip = get_object_or_404(Clip, pk=pk)
        try:
            return deliver(request, open_audio(clip), clip.title).response
        except AudioUnavailableError as error:
            return HttpResponse(error.detail, status=error.status, content_type="text/plain")

    # Deleting keeps the row, as the API does, so that plays stay counted and it can be undone:
    # Django's own way would refuse every clip that was played.

    def get_deleted_objects(
        self, objs: Sequence[Clip] | QuerySet[Clip], request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[str], list[Any]]:
        """What the page that asks for confirmation lists: the clips, and nothing of theirs."""
        clips = [str(clip) for clip in objs]
        return clips, {"clips": len(clips)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Clip) -> None:
        """Delete one."""
        Clip.objects.filter(pk=obj.pk).mark_deleted()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Clip]) -> None:
        """Delete those that are selected."""
        Clip.objects.filter(pk__in=queryset.values("pk")).mark_deleted()

    @admin.action(description="Restore selected clips", permissions=["delete"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Clip]) -> None:
        """Undo the deletion of those that are selected."""
        restored = Clip.objects.filter(pk__in=queryset.values("pk")).restore()
        self.message_user(request, f"Restored: {restored}.")


class LatestPaginator(Paginator[PlayEvent]):
    """Pages of the latest plays: counting all of millions would take longer than to show them."""

    MOST = 10_000
    object_list: QuerySet[PlayEvent]

    @cached_property
    def count(self) -> int:
        """How many there are, up to MOST."""
        return len(self.object_list[: self.MOST].values_list("pk"))


@admin.register(PlayEvent)
class PlayEventAdmin(admin.ModelAdmin[PlayEvent]):
    """The latest plays, to be read."""

    list_display = ("id", "clip", "played_at", "kind", "client", "referrer", "sent", "completed")
    list_select_related = ("clip",)
    paginator = LatestPaginator
    show_full_result_count = False
    list_per_page = 50

    @admin.display(description="sent")
    def sent(self, event: PlayEvent) -> str:
        """How much of the audio was handed to the network."""
        return "-" if event.bytes_sent is None else filesizeformat(event.bytes_sent)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: a play is recorded by playing."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: PlayEvent | None = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: PlayEvent | None = None) -> bool:
        """Nobody."""
        return False
