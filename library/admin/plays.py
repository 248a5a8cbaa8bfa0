"""Plays, to be read."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html

from library.admin.base import ModelAdmin, ReadOnly, to_the_second
from library.models import Clip, PlayEvent


class LatestPaginator(Paginator[PlayEvent]):
    """Pages of the latest plays: counting all of millions would take longer than to show them."""

    MOST = 10_000
    object_list: QuerySet[PlayEvent]

    @cached_property
    def count(self) -> int:
        """How many there are, up to MOST."""
        return len(self.object_list[: self.MOST].values_list("pk"))


class PlayChangeList(ChangeList):
    """The latest plays of all clips, or of one."""

    paginator: LatestPaginator

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """The latest first, whatever is asked: no other order of millions has an index."""
        return ["-id"]

    def get_results(self, request: HttpRequest) -> None:
        """The plays of the page."""
        super().get_results(request)
        self.full_result_count = self.result_count  # or the theme tells it once more, in the header

    def told(self) -> str:
        """Which plays these are."""
        shown = f"{self.result_count:,}"
        if self.result_count == LatestPaginator.MOST:
            return f"The latest {shown} plays"
        return f"{shown} play{'s' * (self.result_count != 1)}"

    def clip(self) -> Clip | None:
        """The clip to which the list is narrowed."""
        number = self.params.get("clip__id__exact", "")
        return Clip.objects.filter(pk=number).first() if number.isdecimal() else None


@admin.register(PlayEvent)
class PlayEventAdmin(ReadOnly, ModelAdmin[PlayEvent]):
    """The latest plays, to be read."""

    list_display = ("shown_time", "heard", "kind", "client", "referrer", "sent", "completed")
    list_select_related = ("clip",)
    list_before_template = "library/admin/plays/_active_filters.html"
    sortable_by = ()  # see PlayChangeList
    paginator = LatestPaginator
    show_full_result_count = False
    list_per_page = 50

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        """Our list."""
        return PlayChangeList

    @admin.display(description="time (UTC)")
    def shown_time(self, event: PlayEvent) -> str:
        """When it began."""
        return to_the_second(event.played_at)

    @admin.display(description="clip")
    def heard(self, event: PlayEvent) -> str:
        """The clip, with the way there."""
        return format_html(
            '<a href="{}" class="text-link">{}</a>',
            reverse("admin:library_clip_change", args=[event.clip_id]),
            event.clip,
        )

    @admin.display(description="sent")
    def sent(self, event: PlayEvent) -> str:
        """How much of the audio was handed to the network."""
        return "-" if event.bytes_sent is None else filesizeformat(event.bytes_sent)
