"""Webhooks in the API: for editors only, and the secret is shown once."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.http.response import HttpResponseBase
from django.test import Client
from django.utils import timezone

from library.changes import feed
from library.models import DeliveryKind, Task, Webhook, WebhookDelivery
from library.models.webhook import every_change
from tests.support.editors import bearer, editor, enrolled
from tests.support.recipes import linked_clip

PATH = "/api/v1/webhooks"
NEW = {"name": "Search", "url": "https://search.example/hook"}
PERMISSIONS = ("add_webhook", "change_webhook", "delete_webhook", "view_webhook")
pytestmark = pytest.mark.django_db
Send = Callable[..., Any]


@pytest.fixture
def send(client: Client) -> Send:
    """Send a request as an editor: `send("POST", "/1/test")`."""
    headers = bearer(editor("webmaster", *PERMISSIONS))

    def send(method: str, path: str = "", body: Any = None, **more: str) -> HttpResponseBase:
        data = "" if body is None else json.dumps(body)
        sent = headers | {name.replace("_", "-"): value for name, value in more.items()}
        return client.generic(method, PATH + path, data, "application/json", headers=sent)

    return send


def made(send: Send) -> Webhook:
    return Webhook.objects.get(pk=send("POST", "", NEW).json()["id"])


def log_entry(webhook: Webhook, **fields: Any) -> WebhookDelivery:
    values = {
        "kind": DeliveryKind.CHANGES, "message_id": "msg_1", "message_at": timezone.now(),
        "kinds": webhook.changes, "after": 0, "until": 3, "number": 3, "seconds": 0.1,
    }  # fmt: skip
    return WebhookDelivery.objects.create(webhook=webhook, **values | fields)


def test_webhook_is_added_with_a_secret_and_gets_later_changes(send: Send) -> None:
    linked_clip.make()
    response = send("POST", "", NEW)
    shown = response.json()
    assert (response.status_code, response["Location"]) == (201, f"{PATH}/{shown['id']}")
    assert response["Cache-Control"] == "no-store"
    assert shown["secret"].startswith("whsec_")
    assert (shown["changes"], shown["state"]) == (every_change(), "active")
    assert (shown["created_by"], shown["delivered_seq"]) == ("webmaster", feed.latest())


def test_secret_is_shown_only_once(send: Send) -> None:
    webhook = made(send)
    for response in (
        send("GET"),
        send("GET", f"/{webhook.pk}"),
        send("PATCH", f"/{webhook.pk}", {}),
    ):
        assert response.status_code == 200
        assert webhook.secret[6:].encode() not in response.content
    assert not any(webhook.secret in str(vars(entry)) for entry in LogEntry.objects.all())


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ({"url": "http://search.example/"}, ["url.https_required"]),
        ({"url": "https://10.0.0.1/"}, ["url.url_refused"]),
        ({"url": "https://user:pass@example.com/"}, ["url.url_refused"]),
        ({"url": "https://search.example:8080/"}, ["url.url_refused"]),
        ({"url": "ftp://search.example/"}, ["url.url_refused"]),
        ({"url": 5}, ["url.type"]),
        ({"name": ""}, ["name.blank"]),
        ({"name": "x" * 101}, ["name.max_length"]),
        ({"changes": []}, ["changes.type"]),
        ({"changes": "published"}, ["changes.type"]),
        ({"changes": ["played"]}, ["changes.type"]),
        ({"changes": [["published"]]}, ["changes.type"]),
        ({"secret": "whsec_x"}, ["secret.unknown"]),
        ({"state": "paused"}, ["state.read_only"]),
    ],
)
def test_invalid_values(send: Send, values: dict[str, Any], codes: list[str]) -> None:
    for response in (send("POST", "", NEW | values), send("PATCH", f"/{made(send).pk}", values)):
        assert (response.status_code, response.json()["codes"]) == (400, codes)


def test_http_is_for_hosts_that_the_operator_allows(send: Send) -> None:
    assert send("POST", "", NEW | {"url": "http://127.0.0.1:8999/"}).status_code == 201


def test_change_is_noted_with_its_values(send: Send) -> None:
    webhook = made(send)
    shown = send("PATCH", f"/{webhook.pk}", {"name": "Index", "changes": ["deleted"]}).json()
    assert (shown["name"], shown["changes"]) == ("Index", ["deleted"])
    entry = LogEntry.objects.latest("pk")
    assert "Index" in entry.change_message
    assert '"deleted"' in entry.change_message
    assert send("PATCH", f"/{webhook.pk}", {"name": "Index"}).status_code == 200
    assert LogEntry.objects.latest("pk") == entry


def test_webhook_is_paused_resumed_and_deleted(send: Send) -> None:
    path = f"/{made(send).pk}"
    shown = send("POST", f"{path}/pause").json()
    assert (shown["state"], shown["paused_reason"]) == ("paused", "editor")
    Webhook.objects.update(failures=3, next_attempt_at=timezone.now())
    shown = send("POST", f"{path}/resume").json()
    assert (shown["state"], shown["next_attempt_at"]) == ("active", None)
    assert send("DELETE", path).status_code == 204
    assert send("GET", path).json()["code"] == "not_found"
    said = [(entry.action_flag, str(entry)) for entry in LogEntry.objects.order_by("pk")]
    assert [flag for flag, _ in said] == [ADDITION, CHANGE, CHANGE, DELETION]
    assert ["Paused." in text or "Resumed." in text for _, text in said[1:3]] == [True, True]


def test_new_secret_leaves_the_previous_one_valid_for_a_day(send: Send) -> None:
    webhook = made(send)
    new = send("POST", f"/{webhook.pk}/secret").json()["secret"]
    stored = Webhook.objects.get()
    assert stored.secrets() == [new, webhook.secret]
    assert send("GET", f"/{webhook.pk}").json()["previous_secret_until"] is not None


def test_each_previous_secret_stays_valid_for_its_day(send: Send) -> None:
    first = made(send)
    path = f"/{first.pk}/secret"
    new = [send("POST", path).json()["secret"] for _ in range(3)]
    webhook = Webhook.objects.get()
    assert webhook.secrets() == [*reversed(new), first.secret]
    response = send("POST", path)
    assert (response.status_code, response.json()["code"]) == (409, "too_many_secrets")
    webhook.previous_secrets_until[-1] = timezone.now()
    webhook.save()
    last = send("POST", path).json()["secret"]
    assert Webhook.objects.get().secrets() == [last, *reversed(new)]


@pytest.mark.parametrize("path", ["", "/{}/secret", "/{}/test", "/{}/pause"])
def test_idempotency_key_is_refused(send: Send, path: str) -> None:
    webhook = made(send)
    response = send("POST", path.format(webhook.pk), NEW, Idempotency_Key="a")
    assert (response.status_code, response.json()["code"]) == (400, "idempotency_key_not_supported")
    assert Webhook.objects.get().secret == webhook.secret


def test_test_and_resend_are_tasks(send: Send) -> None:
    webhook = made(send)
    sent, test = log_entry(webhook), log_entry(webhook, kind="test", number=0, after=None)
    response = send("POST", f"/{webhook.pk}/test")
    assert response.status_code == 202
    response = send("POST", f"/{webhook.pk}/deliveries/{sent.pk}/resend")
    assert (response.status_code, response.json()) == (202, {"message_id": "msg_1"})
    tasks = [(task.task_name, task.lock) for task in Task.objects.order_by("pk")]
    assert tasks == [
        ("send_webhook_test", f"test of webhook {webhook.pk}"),
        ("resend_webhook_message", f"repetition of webhook {webhook.pk}"),
    ]
    response = send("POST", f"/{webhook.pk}/deliveries/{test.pk}/resend")
    assert (response.status_code, response.json()["code"]) == (409, "nothing_to_resend")
    assert send("POST", f"/{webhook.pk}/deliveries/{10**9}/resend").status_code == 404


def test_log_is_filtered_and_paged(send: Send) -> None:
    webhook = made(send)
    failed = log_entry(webhook, status=500, code="http_error", response="no")
    others = [log_entry(webhook, status=204) for _ in range(3)]
    path = f"/{webhook.pk}/deliveries"
    (shown,) = send("GET", f"{path}?outcome=failed").json()
    assert (shown["id"], shown["code"], shown["response"]) == (failed.pk, "http_error", "no")
    assert shown["detail"] == "The receiver responded with an error."
    response = send("GET", f"{path}?limit=2&outcome=delivered")
    assert [entry["id"] for entry in response.json()] == [others[2].pk, others[1].pk]
    assert f"before={others[1].pk}" in response["Link"]
    (last,) = send("GET", f"{path}?limit=2&outcome=delivered&before={others[1].pk}").json()
    assert last["id"] == others[0].pk
    assert send("GET", f"{path}?page=2").json()["codes"] == ["page.unknown"]


def test_most_webhooks(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("library.changes.webhooks.subscriptions.MOST_WEBHOOKS", 1)
    made(send)
    response = send("POST", "", NEW)
    assert (response.status_code, response.json()["code"]) == (409, "too_many_webhooks")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", ""), ("POST", ""), ("GET", "/1"), ("PATCH", "/1"), ("DELETE", "/1")),
        *(("POST", "/1/test"), ("POST", "/1/pause"), ("POST", "/1/resume"), ("POST", "/1/secret")),
        *(("GET", "/1/deliveries"), ("POST", "/1/deliveries/1/resend")),
    ],
)
def test_nothing_is_public(client: Client, method: str, path: str) -> None:
    assert client.generic(method, PATH + path).status_code == 401
    without = bearer(editor("other", "change_clip"))
    assert client.generic(method, PATH + path, headers=without).status_code == 403


def test_session_of_the_back_office_may_read(client: Client) -> None:
    user = editor("webmaster", "view_webhook")
    client.force_login(user)
    assert client.get(PATH).status_code == 200
    assert client.post(f"{PATH}/1/test").status_code == 403
    enrolled(user)
    assert client.get(PATH).json()["code"] == "second_factor_missing"


def test_session_reads_without_and_writes_with_a_csrf_token() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(editor("webmaster", *PERMISSIONS))
    assert browser.get(PATH).json() == []
    response = browser.post(PATH, NEW, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (403, "csrf_failed")
