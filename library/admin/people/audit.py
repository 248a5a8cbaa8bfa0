"""The audit log: the author, time and object of each change, and its values before and after."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import admin, messages
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
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter, RelatedDropdownFilter
from unfold.paginator import InfinitePaginator
from unfold.utils import parse_date_str

from library import history
from library.admin.base import ModelAdmin, ReadOnly, display, to_the_second
from library.models import ApiToken, Clip, Task, Webhook
from library.models.search import NAME_WORDS
from library.search.conditions import search_query
from library.search.language import OnlyExcludedError

FEW = 10_000  # entries; a word in more of them soon matches while reading the latest first
MODELS = (Clip, User, Group, ApiToken, Task, Webhook)
ACTIONS = {ADDITION: "added", CHANGE: "changed", DELETION: "deleted"}


class ActionFilter(DropdownFilter):  # type: ignore[misc]
    """Additions, changes or deletions."""

    title = "action"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(flag), name) for flag, name in ACTIONS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        flags = [flag for flag in ACTIONS if str(flag) == self.value()]
        return queryset.filter(action_flag__in=flags) if flags else queryset


class TypeFilter(DropdownFilter):  # type: ignore[misc]
    """Entries about one type of object. The choices are fixed: the log may be long."""

    title = "type"
    parameter_name = "thing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        types = _content_types()
        return [(str(type_.pk), type_.name) for type_ in types]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        types = [pk for pk, _ in self.lookup_choices if pk == self.value()]
        return queryset.filter(content_type_id__in=types) if types else queryset


class DaysFilter(RangeDateFilter):  # type: ignore[misc]
    """A range of days that includes the last one, which the theme's filter leaves out."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
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
    """The actions of editors, administrators and programs, the latest first."""

    list_display = ("time", "user", "action", "object", "details")
    list_select_related = ("user",)
    list_filter = (
        ("user", RelatedDropdownFilter),
        ActionFilter,
        TypeFilter,
        ("action_time", DaysFilter),
    )
    list_filter_submit = True
    show_facets = admin.ShowFacets.NEVER  # they would count a million entries
    fields = readonly_fields = ("time", "user", "action", "object", "details")
    list_per_page = 50
    sortable_by = ()
    ordering = ("-id",)  # chronological; the time itself has no index for sorting
    search_fields = ("object_repr",)
    search_help_text = "Words of a title or name, or an id"
    paginator = InfinitePaginator  # only previous and next: it counts nothing
    show_full_result_count = False
    actions = None

    @admin.display(description="time")
    def time(self, entry: LogEntry) -> str:
        return to_the_second(entry.action_time)

    @display(description="action", label={"added": "success", "deleted": "danger"})
    def action(self, entry: LogEntry) -> str:
        return ACTIONS[entry.action_flag]

    @admin.display(description="object")
    def object(self, entry: LogEntry) -> str:
        """Return the object's type and name, with a link unless it was deleted.

        A deleted clip still has a page.
        """
        type_ = entry.content_type_id and ContentType.objects.get_for_id(entry.content_type_id)
        model = type_.model_class() if type_ else None
        name = type_.name if type_ else ""
        exists = model is Clip or entry.action_flag != DELETION
        if not (type_ and model and exists and admin.site.is_registered(model)):
            return format_html("{} {}", name, entry.object_repr)
        page = f"admin:{type_.app_label}_{type_.model}_change"
        return format_html(  # one element, since the theme spreads the parts of a cell on a phone
            '<span>{} <a href="{}" class="font-medium text-link">{}</a></span>',
            name,
            reverse(page, args=[quote(entry.object_id or "")]),
            entry.object_repr,
        )

    @admin.display(description="details")
    def details(self, entry: LogEntry) -> str:
        """Return the values before and after, or the entry's message if it has none."""
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
        """Find entries about objects with these words in their name, or with this id, by index.

        PostgreSQL cannot estimate how many entries contain a word. For a rare word it would read
        the whole log from its end, so the ids of up to FEW matches are read first.
        """
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            matches = Q(words=search_query(term))
        except OnlyExcludedError as error:
            messages.warning(request, error.sentence)
            return queryset.none(), False
        if term.isdigit():
            types = [type_.pk for type_ in _content_types()]
            matches |= Q(object_id=term, content_type_id__in=types)  # the columns of the index
        found = LogEntry.objects.alias(words=NAME_WORDS).filter(matches).order_by()
        few = list(found.values_list("pk", flat=True)[:FEW])
        if len(few) < FEW:
            return queryset.filter(pk__in=few), False
        return queryset.alias(words=NAME_WORDS).filter(matches), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": "Audit log", **(extra_context or {})})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Leave out the entry's name, which repeats the page, and its history, which is empty."""
        context |= {"original": None, "subtitle": None, "show_history": False}
        return super().render_change_form(request, context, *args, **kwargs)


def _content_types() -> list[ContentType]:
    """Return the types of the objects. Those of proxy models are their own."""
    types = ContentType.objects.get_for_models(*MODELS, for_concrete_models=False)
    return list(types.values())


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
