"""The list of clips: its search, its order, its rows and the filters applied to it."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, ORDER_VAR, SEARCH_VAR, ChangeList
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.templatetags.unfold_list import result_headers

from library.admin.bulk.confirmation import clip_count
from library.admin.clips.columns import subtitle
from library.admin.clips.filters import FormFilter
from library.admin.clips.in_source import in_source
from library.admin.clips.ordering import DEFAULT, MATCH, ORDERS, remembered_order, with_id
from library.models import Clip
from library.search.conditions import search_query, search_rank
from library.search.language import OnlyExcludedError
from library.statistics.series import plays_by_day
from library.validators import normalise_isrc

DAYS = 30  # of plays shown in a row
NOT_SHOWN = ("description", "search_vector")


def search(clips: QuerySet[Clip], text: str) -> QuerySet[Clip]:
    """Return the clips with all words of the text, as in the API, or with that number or ISRC.

    Also those with the text in their URL or in the name of their upload. `#12` finds only clip 12;
    `12` also finds clips that contain the word. Raises OnlyExcludedError.
    """
    text = text.strip()
    if text.startswith(("http://", "https://")):
        return clips.filter(in_source(text))
    number = text.removeprefix("#")
    by_words = Q(search_vector=search_query(text)) | in_source(text)
    if number.isascii() and number.isdecimal():
        by_number = Q(pk=number)
        return clips.filter(by_number | by_words if number == text else by_number)
    with suppress(ValidationError):  # it is not an ISRC
        by_words |= Q(isrc=normalise_isrc(text))
    return clips.filter(by_words)


class ClipChangeList(ChangeList):
    """A page of the list. One query reads the recent plays of all its clips."""

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[Any]:
        """Return the clips found, in the requested order or the one the editor chose last.

        There are none if a filter was invalid: an editor could take all clips for those wanted, and
        change them.
        """
        if ORDER_VAR not in self.params:
            self.params[ORDER_VAR] = MATCH if self.query else remembered_order(request) or DEFAULT
        self.params[ORDER_VAR] = self.params[ORDER_VAR] or DEFAULT  # the last column was removed
        clips = super().get_queryset(request, exclude_parameters)
        return clips.none() if ERROR_FLAG in request.GET else clips

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        name = self.params[ORDER_VAR]
        if name == MATCH and self.query:
            with suppress(OnlyExcludedError):  # the search explains it
                return with_id([search_rank(self.query).desc()])
            return with_id(ORDERS[DEFAULT].by())
        if name in ORDERS:
            return with_id(ORDERS[name].by())
        return super().get_ordering(request, queryset)

    def _get_deterministic_ordering(self, ordering: list[Any]) -> list[Any]:
        return with_id(ordering or ORDERS[DEFAULT].by())

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
        except IncorrectLookupParameters:  # the list has become shorter than this page
            self.page_num = 1
            super().get_results(request)
        self.full_result_count = self.result_count  # otherwise the theme shows it twice
        if request.method != "GET":  # an action needs no rows
            return
        clips = list(self.result_list.defer(*NOT_SHOWN))
        plays = plays_by_day([clip.pk for clip in clips], DAYS, timezone.now())
        for clip in clips:
            clip.plays_by_day = plays[clip.pk]
        self.result_list = clips

    def headings(self) -> list[dict[str, Any]]:
        return list(result_headers(self))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Return each clip's cells with the names of their columns.

        The theme's rows would be twice as long and take twice as long to render, since the theme
        renders all headings again for each row.
        """
        columns = [  # functions, after the checkbox, which is a method of the admin
            getattr(self.model_admin, column) if isinstance(column, str) else column
            for column in self.list_display
        ]
        query = f"?{self.preserved_filters}" if self.preserved_filters else ""
        for clip in self.result_list:
            yield {
                "url": self.url_for_result(clip) + query,
                "subtitle": subtitle(clip),
                "cells": [(column.__name__, column(clip)) for column in columns],
            }

    def count_text(self) -> str:
        return clip_count(self.result_count)

    def orders(self) -> list[dict[str, Any]]:
        """Return the entries of the menu of orders."""
        chosen = self.params[ORDER_VAR]
        titles = {MATCH: "Best match"} if self.query else {}
        titles |= {name: order.title for name, order in ORDERS.items()}
        return [
            {
                "title": title,
                "url": self.get_query_string({ORDER_VAR: name}),
                "chosen": name == chosen,
            }
            for name, title in titles.items()
        ]

    def order_title(self) -> str:
        return next((order["title"] for order in self.orders() if order["chosen"]), "By column")

    def applied_filters(self) -> list[dict[str, str]]:
        """Return the search and filters applied, each with the URL of the list without it."""
        applied = [
            (spec.description(), spec.parameter_name)
            for spec in self.filter_specs
            if isinstance(spec, FormFilter) and spec.value()
        ]
        if self.query:
            applied.insert(0, (f"“{self.query}”", SEARCH_VAR))
        return [
            {"text": text, "url": self.get_query_string(remove=[name])} for text, name in applied
        ]
