"""The audit log: who did what, when, and from what to what."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from unfold.contrib.filters.admin import (
    DropdownFilter,
    RangeDateFilter,
    RelatedDropdownFilter,
)
from unfold.paginator import InfinitePaginator
from unfold.utils import parse_date_str

from library import history
from library.admin.base import ModelAdmin, ReadOnly, display, to_the_second
from library.models import ApiToken, Clip
from library.models.search import NAME_WORDS, search_query

FEW = 10_000  # of entries; a word that more have is met soon, the latest first
THINGS = (Clip, User, Group, ApiToken)
KINDS = {ADDITION: "added", CHANGE: "changed", DELETION: "deleted"}


class KindFilter(DropdownFilter):  # type: ignore[misc]
    """What was done, in a word."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Django's three."""
        return [(str(flag), name) for flag, name in KINDS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        """Entries of that kind."""
        flags = [flag for flag in KINDS if str(flag) == self.value()]
        return queryset.filter(action_flag__in=flags) if flags else queryset


class ThingFilter(DropdownFilter):  # type: ignore[misc]
    """What kind of thing an entry is on; which there are is not asked of a million entries."""

    title = "kind of thing"
    parameter_name = "thing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Those whose changes are noted."""
        kinds = ContentType.objects.get_for_models(*THINGS).values()
        return [(str(kind.pk), kind.name) for kind in kinds]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        """Entries on things of that kind."""
        kinds = [pk for pk, _ in self.lookup_choices if pk == self.value()]
        return queryset.filter(content_type_id__in=kinds) if kinds else queryset


class DaysFilter(RangeDateFilter):  # type: ignore[misc]
    """From one day to another, both included; the theme's own leaves the last one out."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        """Entries of those days."""
        first, last = (
            parse_date_str(self.used_parameters.get(f"{self.parameter_name}_{end}") or "")
            for end in ("from", "to")
        )
        if first:
            queryset = queryset.filter(action_time__gte=_midnight(first))
        if last and last < date.max:
            queryset = queryset.filter(action_time__lt=_midnight(last + timedelta(days=1)))
        return queryset


@admin.register(LogEntry)
class AuditAdmin(ReadOnly, ModelAdmin[LogEntry]):
    """What was done by editors, administrators and machines, newest first."""

    list_display = ("shown_time", "user", "shown_kind", "thing", "what")
    list_select_related = ("user",)
    list_filter = (
        ("user", RelatedDropdownFilter),
        KindFilter,
        ThingFilter,
        ("action_time", DaysFilter),
    )
    list_filter_submit = True
    show_facets = admin.ShowFacets.NEVER  # they would count a million
    fields = readonly_fields = ("shown_time", "user", "shown_kind", "thing", "what")
    list_per_page = 50
    sortable_by = ()
    ordering = ("-id",)  # the order of time, which has no index
    search_fields = ("object_repr",)
    search_help_text = "Words of a title or name, or an id"
    paginator = InfinitePaginator  # onwards and back: nobody counts a million
    show_full_result_count = False
    actions = None

    @admin.display(description="time")
    def shown_time(self, entry: LogEntry) -> str:
        """To the second: what came first matters here."""
        return to_the_second(entry.action_time)

    @display(description="kind", label={"added": "success", "deleted": "danger"})
    def shown_kind(self, entry: LogEntry) -> str:
        """What was done, in a word."""
        return KINDS[entry.action_flag]

    @admin.display(description="thing")
    def thing(self, entry: LogEntry) -> str:
        """What it was done to, with the way there; what is deleted has a page if it is a clip."""
        kind = entry.content_type_id and ContentType.objects.get_for_id(entry.content_type_id)
        model = kind.model_class() if kind else None
        name = kind.name if kind else ""
        is_there = model is Clip or entry.action_flag != DELETION
        page = (
            f"admin:{kind.app_label}_{kind.model}_change"
            if kind and model and admin.site.is_registered(model) and is_there
            else None
        )
        if page is None:
            return format_html("{} {}", name, entry.object_repr)
        return format_html(  # one element: on a phone the theme spreads the parts of a cell
            '<span>{} <a href="{}" class="font-medium text-link">{}</a></span>',
            name,
            reverse(page, args=[quote(entry.object_id or "")]),
            entry.object_repr,
        )

    @admin.display(description="what")
    def what(self, entry: LogEntry) -> str:
        """The values before and after, or the sentence that was noted."""
        values = history.changed_values(entry)
        if not values:
            return entry.get_change_message() if entry.change_message else "-"
        lines = format_html_join(
            mark_safe("<br>"),
            '<span class="audit-values">{}: <del>{}</del> → <ins>{}</ins></span>',
            ((name, old or "nothing", new or "nothing") for name, old, new in values),
        )
        return format_html("<div>{}</div>", lines)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[LogEntry], search_term: str
    ) -> tuple[QuerySet[LogEntry], bool]:
        """Entries on things with these words in their name, or with this id; both by an index.

        PostgreSQL cannot tell how many have a word, and would go through the whole log for one
        that few or none have: it is asked for these first.
        """
        term = search_term.strip()
        if not term:
            return queryset, False
        matches = Q(words=search_query(term))
        if term.isdigit():
            kinds = [kind.pk for kind in ContentType.objects.get_for_models(*THINGS).values()]
            matches |= Q(object_id=term, content_type_id__in=kinds)  # the index is by both
        found = LogEntry.objects.alias(words=NAME_WORDS).filter(matches).order_by()
        few = list(found.values_list("pk", flat=True)[:FEW])
        if len(few) < FEW:
            return queryset.filter(pk__in=few), False
        return queryset.alias(words=NAME_WORDS).filter(matches), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, under a name that people know."""
        return super().changelist_view(request, {"title": "Audit log", **(extra_context or {})})


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
