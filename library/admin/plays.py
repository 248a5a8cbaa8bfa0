"""The list of plays."""

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
    """Pages of the latest plays. Counting millions would take longer than showing a page."""

    MOST = 10_000
    object_list: QuerySet[PlayEvent]

    @cached_property
    def count(self) -> int:
        return len(self.object_list[: self.MOST].values_list("pk"))


class PlayChangeList(ChangeList):
    """The latest plays of all clips, or of one."""

    paginator: LatestPaginator

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Ignore the requested order: no other order of millions of plays has an index."""
        return ["-id"]

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count  # otherwise the theme shows it twice

    def count_text(self) -> str:
        shown = f"{self.result_count:,}"
        if self.result_count == LatestPaginator.MOST:
            return f"The latest {shown} plays"
        return f"{shown} play{'s' * (self.result_count != 1)}"

    def clip(self) -> Clip | None:
        """Return the clip whose plays are listed, unless the list has those of all clips."""
        number = self.params.get("clip__id__exact", "")
        return Clip.objects.filter(pk=number).first() if number.isdecimal() else None


@admin.register(PlayEvent)
class PlayEventAdmin(ReadOnly, ModelAdmin[PlayEvent]):
    """The latest plays, read-only."""

    list_display = ("shown_time", "shown_clip", "kind", "client", "referrer", "sent", "completed")
    list_select_related = ("clip",)
    list_before_template = "library/admin/plays/_active_filters.html"
    sortable_by = ()  # see PlayChangeList
    paginator = LatestPaginator
    show_full_result_count = False
    list_per_page = 50

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return PlayChangeList

    @admin.display(description="time (UTC)")
    def shown_time(self, event: PlayEvent) -> str:
        return to_the_second(event.played_at)

    @admin.display(description="clip")
    def shown_clip(self, event: PlayEvent) -> str:
        return format_html(
            '<a href="{}" class="text-link">{}</a>',
            reverse("admin:library_clip_change", args=[event.clip_id]),
            event.clip,
        )

    @admin.display(description="sent")
    def sent(self, event: PlayEvent) -> str:
        """Return how many bytes of the audio were sent."""
        return "-" if event.bytes_sent is None else filesizeformat(event.bytes_sent)
