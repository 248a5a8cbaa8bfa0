"""The log of deliveries: each attempt, its result, and the repetition of a message."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import DropdownFilter, RelatedDropdownFilter
from unfold.paginator import InfinitePaginator

from library.admin.base import ModelAdmin, ReadOnly, display, to_the_second
from library.changes.webhooks.sending import SENTENCES
from library.models import DeliveryKind, DeliveryOutcome, WebhookDelivery
from library.models.webhook import WebhookDeliveryQuerySet
from library.tasks.webhooks import request_resend


class OutcomeFilter(DropdownFilter):  # type: ignore[misc]
    """Attempts that delivered their message, or did not."""

    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, value) for value in DeliveryOutcome.values]

    def queryset(
        self, request: HttpRequest, queryset: WebhookDeliveryQuerySet
    ) -> WebhookDeliveryQuerySet:
        is_outcome = self.value() in DeliveryOutcome.values
        return queryset.with_outcome(self.value()) if is_outcome else queryset


class KindFilter(DropdownFilter):  # type: ignore[misc]
    """Messages of the feed, tests or repetitions."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*DeliveryKind.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        is_kind = self.value() in DeliveryKind.values
        return queryset.filter(kind=self.value()) if is_kind else queryset


def result_of(entry: WebhookDelivery) -> str:
    """Return the error as a sentence, with the HTTP status if there is one."""
    if not entry.code:
        return f"HTTP {entry.status}"
    sentence = SENTENCES.get(entry.code, entry.code)
    return f"{sentence} (HTTP {entry.status})" if entry.status else sentence


@admin.register(WebhookDelivery)
class DeliveryAdmin(ReadOnly, ModelAdmin[WebhookDelivery]):
    """The attempts of all webhooks, the latest first."""

    list_display = ("shown_time", "hook", "kind", "number", "outcome", "result", "seconds")
    list_select_related = ("webhook",)
    list_filter = (("webhook", RelatedDropdownFilter), OutcomeFilter, KindFilter)
    list_filter_submit = True
    list_per_page = 50
    sortable_by = ()
    ordering = ("-id",)
    paginator = InfinitePaginator  # counts nothing: a webhook may have had many messages
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = ("resend",)
    fields = readonly_fields = (
        *("hook", "kind", "message_id", "number", "after", "until"),
        *("shown_time", "seconds", "outcome", "result", "response"),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("library.view_webhook"))

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("library.change_webhook"))

    @admin.display(description="time")
    def shown_time(self, entry: WebhookDelivery) -> str:
        return to_the_second(entry.at)

    @admin.display(description="webhook")
    def hook(self, entry: WebhookDelivery) -> str:
        return format_html(
            '<a href="{}" class="text-link">{}</a>',
            reverse("admin:library_webhook_change", args=[entry.webhook_id]),
            entry.webhook,
        )

    @display(
        description="outcome",
        label={DeliveryOutcome.DELIVERED: "success", DeliveryOutcome.FAILED: "danger"},
    )
    def outcome(self, entry: WebhookDelivery) -> str:
        return entry.outcome.value

    @admin.display(description="result")
    def result(self, entry: WebhookDelivery) -> str:
        return result_of(entry)

    @admin.action(description="Send again", permissions=["resend"])
    def resend(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        """Let workers send messages again; tests have no changes to send."""
        entries = [entry for entry in queryset if entry.number]
        for entry in entries:
            request_resend(entry)
        if number := len(entries):
            messages.success(request, f"{number} message{'s' * (number != 1)} will be sent again.")
        else:
            messages.warning(request, "Only messages with changes can be sent again.")
