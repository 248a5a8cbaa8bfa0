"""Clips: found, added, edited and heard."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from library import history
from library.admin.base import ModelAdmin
from library.admin.clip_form import ClipForm
from library.admin.exchange import ClipExchange
from library.admin.filters import DeletedFilter
from library.audio.errors import AudioUnavailableError
from library.delivery import deliver
from library.models import Clip
from library.sources import open_audio


@admin.register(Clip)
class ClipAdmin(ClipExchange, ModelAdmin[Clip]):
    """Clips, found by their words or genre, and heard without counting a play."""

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

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, Any]]:
        """What the log tells of a change: the values too."""
        if add:
            return super().construct_change_message(request, form, formsets, add)
        return history.change_message(form.initial, form.cleaned_data)

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
