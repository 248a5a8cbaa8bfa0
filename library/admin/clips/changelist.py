"""The list of clips: how it is searched and ordered, and what its rows are given."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin.views.main import ORDER_VAR, SEARCH_VAR, ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.templatetags.unfold_list import result_headers

from library.admin.bulk.confirmation import counted
from library.admin.clips.columns import ClipColumns
from library.admin.clips.filters import FormFilter
from library.admin.clips.ordering import DEFAULT, MATCH, ORDERS, best_match, remembered, with_id
from library.models import Clip
from library.models.search import search_query
from library.statistics.series import plays_by_day

DAYS = 30  # of plays that a row shows
NOT_SHOWN = ("description", "search_vector")


def found(clips: QuerySet[Clip], text: str) -> QuerySet[Clip]:
    """The clips with all words of the text, as the API finds them; a number or URL finds its own.

    `#12` is that clip alone, `12` also what has it as a word.
    """
    text = text.strip()
    if text.startswith(("http://", "https://")):
        return clips.filter(audio_url=text)
    number = text.removeprefix("#")
    if not (number.isascii() and number.isdecimal()):
        return clips.filter(search_vector=search_query(text))
    by_number = Q(pk=number)
    if number == text:
        by_number |= Q(search_vector=search_query(text))
    return clips.filter(by_number)


class ClipChangeList(ChangeList):
    """A page of clips, each with its plays of the last days, which cost one query for all."""

    model_admin: ClipColumns

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[Any]:
        """The clips that are searched and filtered for, in the order chosen now or before."""
        if ORDER_VAR not in self.params:
            self.params[ORDER_VAR] = MATCH if self.query else remembered(request) or DEFAULT
        self.params[ORDER_VAR] = self.params[ORDER_VAR] or DEFAULT  # by no column any more
        return super().get_queryset(request, exclude_parameters)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """By the named order, or by columns as their headings ask."""
        name = self.params[ORDER_VAR]
        if name == MATCH and self.query:
            return with_id(best_match(self.query))
        if name in ORDERS:
            return with_id(ORDERS[name].by())
        return super().get_ordering(request, queryset)

    def _get_deterministic_ordering(self, ordering: list[Any]) -> list[Any]:
        return with_id(ordering or ORDERS[DEFAULT].by())

    def get_results(self, request: HttpRequest) -> None:
        """The clips of the page. An action is posted to the list too, and needs none of them."""
        super().get_results(request)
        self.full_result_count = self.result_count  # or the theme tells it once more, in the header
        if request.method != "GET":
            return
        clips = list(self.result_list.defer(*NOT_SHOWN))
        plays = plays_by_day([clip.pk for clip in clips], DAYS, timezone.now())
        for clip in clips:
            clip.plays_by_day = plays[clip.pk]
        self.result_list = clips

    def headings(self) -> list[dict[str, Any]]:
        """What stands above the columns, as the theme's template takes it."""
        return list(result_headers(self))

    def rows(self) -> Iterator[dict[str, Any]]:
        """The clips with their cells, by the name of the column.

        The theme's own rows would be twice as long and take twice as long to make, since it makes
        all headings anew for each.
        """
        columns = [name for name in self.list_display if isinstance(name, str)]
        query = f"?{self.preserved_filters}" if self.preserved_filters else ""
        for clip in self.result_list:
            yield {
                "url": self.url_for_result(clip) + query,
                "beneath": self.model_admin.beneath(clip),
                "cells": [(name, getattr(self.model_admin, name)(clip)) for name in columns],
            }

    def counted(self) -> str:
        """How many clips the list holds, in words."""
        return counted(self.result_count)

    def orders(self) -> list[dict[str, Any]]:
        """The menu of orders."""
        chosen = self.params[ORDER_VAR]
        found = {MATCH: "Best match"} if self.query else {}
        titles = found | {name: order.title for name, order in ORDERS.items()}
        return [
            {
                "title": title,
                "url": self.get_query_string({ORDER_VAR: name}),
                "chosen": name == chosen,
            }
            for name, title in titles.items()
        ]

    def order_title(self) -> str:
        """What the menu of orders is headed by."""
        chosen = [order["title"] for order in self.orders() if order["chosen"]]
        return chosen[0] if chosen else "By column"

    def in_force(self) -> list[dict[str, str]]:
        """What the list is narrowed by, and where it leads to do without."""
        told = [
            (spec.told(), spec.parameter_name)
            for spec in self.filter_specs
            if isinstance(spec, FormFilter) and spec.value()
        ]
        if self.query:
            told.insert(0, (f"“{self.query}”", SEARCH_VAR))
        return [{"text": text, "url": self.get_query_string(remove=[name])} for text, name in told]
