"""The pages of webhooks: the list, the form, the secret, and what can be done to one."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from library import history
from library.admin.base import Deletion, ModelAdmin, display, to_the_second
from library.admin.webhooks.form import FIELDS, WebhookForm
from library.admin.webhooks.log import result_of
from library.audio.locks import host_of
from library.changes.webhooks import subscriptions
from library.models import ChangeKind, Webhook, WebhookDelivery
from library.models.webhook import MOST_PREVIOUS_SECRETS, TooManySecretsError
from library.tasks.webhooks import request_resend, request_test

LATEST = 10  # attempts on the page of a webhook
UNSHOWN = "webhook_{pk}_unshown"  # in the session, until the new secret has been shown
SENT_SOON = "is sent within seconds. Reload the page to see its result in the log."
TOO_MANY_SECRETS = (
    f"No new secret was made: {MOST_PREVIOUS_SECRETS} previous ones still sign, each for 24 hours "
    "after it was replaced. Use the current secret, or try again later."
)


@admin.register(Webhook)
class WebhookAdmin(ModelAdmin[Webhook]):
    """Receivers of the changes of clips."""

    form = WebhookForm
    fields = FIELDS
    list_display = ("name", "host", "shown_state", "kinds", "delivered", "next_attempt")
    list_per_page = 100
    sortable_by = ()
    search_fields = ("name", "url")
    actions = None
    change_form_outer_after_template = "library/admin/webhooks/_deliveries.html"

    @admin.display(description="host")
    def host(self, webhook: Webhook) -> str:
        return host_of(webhook.url)

    @display(
        description="state", label={"active": "success", "failing": "warning", "paused": "danger"}
    )
    def shown_state(self, webhook: Webhook) -> str:
        return webhook.state

    @admin.display(description="changes")
    def kinds(self, webhook: Webhook) -> str:
        every = len(webhook.changes) == len(ChangeKind)
        return "all" if every else ", ".join(webhook.changes)

    @admin.display(description="last delivery")
    def delivered(self, webhook: Webhook) -> str:
        return to_the_second(webhook.delivered_at) if webhook.delivered_at else "-"

    @admin.display(description="next attempt")
    def next_attempt(self, webhook: Webhook) -> str:
        waits = webhook.state == "failing" and webhook.next_attempt_at
        return to_the_second(waits) if waits else "-"

    def get_urls(self) -> list[URLPattern]:
        act = self.admin_site.admin_view(require_POST(self.act))
        secret = self.admin_site.admin_view(self.secret)
        return [
            path("<int:pk>/act/", act, name="library_webhook_act"),
            path("<int:pk>/secret/", secret, name="library_webhook_secret"),
            *super().get_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        one_button = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**one_button, **(extra_context or {})})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        webhook: Webhook | None = context.get("original")
        if webhook is not None:
            context |= self._page_context(request, webhook)
        return super().render_change_form(request, context, *args, **kwargs)

    def _page_context(self, request: HttpRequest, webhook: Webhook) -> dict[str, Any]:
        latest = WebhookDelivery.objects.filter(webhook=webhook)[:LATEST]
        log = reverse("admin:library_webhookdelivery_changelist")
        return {
            "webhook": webhook,
            "may_act": self.has_change_permission(request, webhook),
            "deliveries": [(entry, result_of(entry)) for entry in latest],
            "log_url": f"{log}?webhook__id__exact={webhook.pk}",
        }

    def save_model(self, request: HttpRequest, obj: Webhook, form: Any, change: bool) -> None:
        if change:
            obj.save_form(form.changed_data)
        else:
            subscriptions.add(obj, request.user)

    def response_add(
        self, request: HttpRequest, obj: Webhook, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Redirect to the only page that shows the secret."""
        return self._to_secret(request, obj)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, Any]]:
        """Note the values of a change as well as the names of the fields."""
        if add:
            return super().construct_change_message(request, form, formsets, add)
        return history.change_message(form.initial, form.cleaned_data, Webhook, FIELDS)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Deletion:
        """Do not list the log, which may be long."""
        return [f"{webhook} and its log" for webhook in objs], {"webhooks": len(objs)}, set(), []

    def act(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Do what a button of the page says."""
        with transaction.atomic():
            webhook = get_object_or_404(Webhook.objects.select_for_update(no_key=True), pk=pk)
            if not self.has_change_permission(request, webhook):
                raise PermissionDenied
            match request.POST.get("do"):
                case "test":
                    request_test(webhook)
                    messages.success(request, f"A test message {SENT_SOON}")
                case "resend":
                    self._resend(request, webhook)
                case "pause":
                    if webhook.paused_at is None:  # else the reason would be lost
                        webhook.pause()
                        history.note(request.user, webhook, "Paused.")
                case "resume":
                    webhook.resume()
                    history.note(request.user, webhook, "Resumed.")
                    messages.success(request, "Deliveries continue where they ended.")
                case "secret":
                    try:
                        webhook.rotate_secret()
                    except TooManySecretsError:
                        messages.error(request, TOO_MANY_SECRETS)
                        return redirect("admin:library_webhook_change", pk)
                    history.note(request.user, webhook, "Made a new secret.")
                    return self._to_secret(request, webhook)
                case _:
                    messages.warning(request, "This button does not exist. Nothing was done.")
        return redirect("admin:library_webhook_change", pk)

    def _resend(self, request: HttpRequest, webhook: Webhook) -> None:
        number = request.POST.get("delivery", "")
        entries: QuerySet[WebhookDelivery] = WebhookDelivery.objects.filter(webhook=webhook)
        entry = entries.filter(pk=number).first() if number.isdecimal() else None
        if entry is not None and entry.number:
            request_resend(entry)
            messages.success(request, f"The message {SENT_SOON}")
        else:
            messages.warning(request, "This message is no longer in the log.")

    def _to_secret(self, request: HttpRequest, webhook: Webhook) -> HttpResponse:
        """Redirect, so that a reload of the page does not send the form again."""
        request.session[UNSHOWN.format(pk=webhook.pk)] = True
        return redirect("admin:library_webhook_secret", webhook.pk)

    def secret(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show a new secret, once, to the person who made it."""
        webhook = get_object_or_404(Webhook, pk=pk)
        if not request.session.pop(UNSHOWN.format(pk=pk), False):
            messages.warning(request, "The secret is shown only once. You can make a new one.")
            return redirect("admin:library_webhook_change", pk)
        context = {
            **self.admin_site.each_context(request),
            "title": "The secret of the webhook",
            "webhook": webhook,
            "secret": webhook.secret,
        }
        response = render(request, "library/admin/webhooks/secret.html", context)
        response["Cache-Control"] = "no-store"
        return response
