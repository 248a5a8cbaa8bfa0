"""Plays, to be read."""

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.template.defaultfilters import filesizeformat
from django.utils.functional import cached_property

from library.admin.base import ModelAdmin, ReadOnly
from library.models import PlayEvent


class LatestPaginator(Paginator[PlayEvent]):
    """Pages of the latest plays: counting all of millions would take longer than to show them."""

    MOST = 10_000
    object_list: QuerySet[PlayEvent]

    @cached_property
    def count(self) -> int:
        """How many there are, up to MOST."""
        return len(self.object_list[: self.MOST].values_list("pk"))


@admin.register(PlayEvent)
class PlayEventAdmin(ReadOnly, ModelAdmin[PlayEvent]):
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
