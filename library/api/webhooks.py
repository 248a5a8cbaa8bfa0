"""Views of webhooks, for editors only."""

from typing import Any

from django.contrib.admin.models import ADDITION, DELETION
from django.db import transaction
from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.utils.urls import replace_query_param
from rest_framework.viewsets import GenericViewSet

from library import history
from library.api import parameters, webhook_bodies
from library.api.authentication import BearerAuthentication, CountedRequests, ReadingSession
from library.api.errors import LengthRequired, PermissionMissing
from library.api.openapi import webhooks as described
from library.api.webhook_bodies import (
    AddedWebhookSerializer,
    DeliveryNotFound,
    DeliverySerializer,
    IdempotencyKeyNotSupported,
    NothingToResend,
    TooManySecrets,
    TooManyWebhooks,
    WebhookNotFound,
    WebhookSerializer,
)
from library.changes.webhooks import subscriptions
from library.changes.webhooks.subscriptions import TooManyWebhooksError
from library.models import Webhook, WebhookDelivery
from library.models.webhook import TooManySecretsError
from library.tasks.webhooks import request_resend, request_test

EDITORS_NEED = {
    "list": "library.view_webhook",
    "retrieve": "library.view_webhook",
    "deliveries": "library.view_webhook",
    "create": "library.add_webhook",
    "destroy": "library.delete_webhook",
}
ANY_OTHER = "library.change_webhook"


class MayManageWebhooks(BasePermission):
    """Editors only, with the same permissions as in the back office."""

    message = PermissionMissing.default_detail

    def has_permission(self, request: Request, view: Any) -> bool:
        if view.action is None:  # a method that will get a 405
            return True
        user = request.user
        return user is not None and bool(user.has_perm(EDITORS_NEED.get(view.action, ANY_OTHER)))


@described.describe_webhooks
class WebhookViewSet(CountedRequests, GenericViewSet[Webhook]):
    """List, add, show, change and delete webhooks; test, pause and resume them; read their log."""

    queryset: QuerySet[Webhook] = Webhook.objects.select_related("created_by")
    serializer_class = WebhookSerializer
    lookup_value_regex = r"[0-9]{1,18}"
    authentication_classes = (BearerAuthentication, ReadingSession)
    permission_classes = (MayManageWebhooks,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if "Transfer-Encoding" in request.headers and "Content-Length" not in request.headers:
            raise LengthRequired
        if request.method == "POST" and "Idempotency-Key" in request.headers:
            raise IdempotencyKeyNotSupported
        if self.action is not None:  # else the response is a 405
            is_log = self.action == "deliveries"
            known = webhook_bodies.DELIVERIES if is_log else webhook_bodies.FORMAT
            self.read = parameters.read(request.query_params, known)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Response:
        response["Cache-Control"] = "no-store"  # secrets, and the URLs of others
        return super().finalize_response(request, response, *args, **kwargs)

    def list(self, request: Request) -> Response:
        return Response(self.get_serializer(self.get_queryset(), many=True).data)

    def retrieve(self, request: Request, pk: str) -> Response:
        return self._shown(self._found(pk))

    def create(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        webhook = Webhook(**serializer.validated_data)
        with transaction.atomic():
            try:
                subscriptions.add(webhook, request.user)
            except TooManyWebhooksError:
                raise TooManyWebhooks from None
            history.note(request.user, webhook, [{"added": {}}], ADDITION)
        location = reverse("webhook-detail", args=[webhook.pk])
        data = AddedWebhookSerializer(webhook).data
        return Response(data, status=201, headers={"Location": location})

    def partial_update(self, request: Request, pk: str) -> Response:
        data = request.data  # read before the lock: a client may send it slowly
        with transaction.atomic():
            webhook = self._locked(pk)
            serializer = self.get_serializer(webhook, data=data, partial=True)
            serializer.is_valid(raise_exception=True)
            before = {
                name: getattr(webhook, name)
                for name, value in serializer.validated_data.items()
                if getattr(webhook, name) != value
            }
            for name in before:
                setattr(webhook, name, serializer.validated_data[name])
            if before:
                webhook.save_form(before)
                history.note_values(request.user, webhook, before)
        return self._shown(webhook)

    def destroy(self, request: Request, pk: str) -> Response:
        with transaction.atomic():
            webhook = self._locked(pk)
            history.note(request.user, webhook, "", DELETION)
            webhook.delete()
        return Response(status=204)

    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        with transaction.atomic():
            webhook = self._locked(pk)
            if webhook.paused_at is None:
                webhook.pause()
                history.note(request.user, webhook, "Paused.")
        return self._shown(webhook)

    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        with transaction.atomic():
            webhook = self._locked(pk)
            was_paused = webhook.paused_at is not None
            webhook.resume()
            if was_paused:
                history.note(request.user, webhook, "Resumed.")
        return self._shown(webhook)

    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        return Response({"message_id": request_test(self._found(pk))}, status=202)

    @action(detail=True, methods=["post"], url_path="secret")
    def rotate_secret(self, request: Request, pk: str) -> Response:
        with transaction.atomic():
            webhook = self._locked(pk)
            try:
                secret = webhook.rotate_secret()
            except TooManySecretsError:
                raise TooManySecrets from None
            history.note(request.user, webhook, "Made a new secret.")
        return Response({"secret": secret})

    @action(detail=True, methods=["get"])
    def deliveries(self, request: Request, pk: str) -> Response:
        webhook, query = self._found(pk), self.read
        found = WebhookDelivery.objects.filter(webhook=webhook)
        if "outcome" in query:
            found = found.with_outcome(query["outcome"])
        if "kind" in query:
            found = found.filter(kind=query["kind"])
        if "before" in query:
            found = found.filter(pk__lt=query["before"])
        rows: Any = list(found[: query["limit"] + 1])
        headers = {}
        if len(rows) > query["limit"]:
            rows.pop()
            url = replace_query_param(request.build_absolute_uri(), "before", str(rows[-1].pk))
            headers["Link"] = f'<{url}>; rel="next"'
        return Response(DeliverySerializer(rows, many=True).data, headers=headers)

    @action(detail=True, methods=["post"], url_path=r"deliveries/(?P<delivery>[0-9]{1,18})/resend")
    def resend(self, request: Request, pk: str, delivery: str) -> Response:
        webhook = self._found(pk)
        entry = WebhookDelivery.objects.filter(webhook=webhook, pk=int(delivery)).first()
        if entry is None:
            raise DeliveryNotFound
        if not entry.number:
            raise NothingToResend
        request_resend(entry)
        return Response({"message_id": entry.message_id}, status=202)

    def _found(self, pk: str) -> Webhook:
        webhook = self.get_queryset().filter(pk=int(pk)).first()
        if webhook is None:
            raise WebhookNotFound
        return webhook

    def _locked(self, pk: str) -> Webhook:
        """Return the webhook, locked so that no delivery overwrites what this request saves."""
        webhook = (
            self.get_queryset()
            .select_for_update(of=("self",), no_key=True)
            .filter(pk=int(pk))
            .first()
        )
        if webhook is None:
            raise WebhookNotFound
        return webhook

    def _shown(self, webhook: Webhook) -> Response:
        return Response(self.get_serializer(webhook).data)
