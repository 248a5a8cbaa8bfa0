"""Webhooks in the back office."""

import re
from http import HTTPStatus
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from library import history
from library.changes import feed
from library.models import Task, Webhook, WebhookDelivery
from library.models.webhook import every_change
from tests.support.editors import editor, member
from tests.support.hooks import make_webhook
from tests.support.recipes import linked_clip

LIST, LOG = "/admin/library/webhook/", "/admin/library/webhookdelivery/"
URL = "https://search.example/hook"
FORM = {"name": "Search", "url": URL, "changes": ["published", "deleted"]}

pytestmark = pytest.mark.django_db


@pytest.fixture
def webmaster(client: Client) -> Client:
    """The browser of a member of Editors."""
    client.force_login(member("Editors"))
    return client


def page(client: Client, path: str = LIST) -> str:
    response = client.get(path)
    assert response.status_code == HTTPStatus.OK
    return re.sub(r"\s+", " ", response.content.decode())


def act(client: Client, webhook: Webhook, do: str, **more: Any) -> Any:
    return client.post(f"{LIST}{webhook.pk}/act/", {"do": do, **more}, follow=True)


def log_entry(webhook: Webhook, **fields: Any) -> WebhookDelivery:
    return WebhookDelivery.objects.create(
        **{"webhook": webhook, "kind": "changes", "message_id": "msg_1", "number": 2}
        | {"message_at": timezone.now(), "after": 0, "until": 2, "seconds": 0.1}
        | fields
    )


def test_secret_is_shown_once_after_the_form(webmaster: Client) -> None:
    linked_clip.make()
    added = webmaster.post(f"{LIST}add/", FORM)
    webhook = Webhook.objects.get()
    shown = f"{LIST}{webhook.pk}/secret/"
    assert (added.status_code, added["Location"]) == (HTTPStatus.FOUND, shown)
    response = webmaster.get(shown)
    assert "no-store" in response["Cache-Control"]
    assert webhook.secret in response.content.decode().replace("&#x3D;", "=")
    assert (webhook.changes, webhook.cursor) == (["published", "deleted"], feed.latest())
    assert str(webhook.created_by) == "editors"
    again: Any = webmaster.get(shown, follow=True)
    assert "The secret is shown only once." in again.content.decode()
    assert webhook.secret[6:20] not in again.content.decode()
    for path in (LIST, f"{LIST}{webhook.pk}/change/", f"{LIST}{webhook.pk}/history/"):
        assert webhook.secret[6:20] not in page(webmaster, path)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"url": "http://search.example/"}, "The URL must begin with https://."),
        ({"url": "https://192.168.1.1/"}, "The URL must have a public address."),
        ({"changes": []}, "Choose at least one kind of change."),
        ({"name": ""}, "This field is required."),
    ],
)
def test_form_explains_what_is_wrong(
    webmaster: Client, values: dict[str, Any], sentence: str
) -> None:
    assert sentence in webmaster.post(f"{LIST}add/", FORM | values).content.decode()
    assert not Webhook.objects.exists()


def test_change_is_in_the_audit_log_with_its_values(webmaster: Client) -> None:
    webhook = make_webhook(URL, message_id="msg_1", failing_since=timezone.now())
    webmaster.post(f"{LIST}{webhook.pk}/change/", FORM)
    webhook.refresh_from_db()
    assert (webhook.name, webhook.message_id, webhook.failing_since) == ("Search", "", None)
    values = history.changed_values(LogEntry.objects.latest("pk"))
    assert values == [
        ("name", "Search index", "Search"),
        ("changes", ", ".join(every_change()), "published, deleted"),
    ]


def test_buttons(webmaster: Client) -> None:
    webhook = make_webhook(URL)
    assert (
        "A test message is sent within seconds." in act(webmaster, webhook, "test").content.decode()
    )
    act(webmaster, webhook, "resend", delivery=log_entry(webhook).pk)
    names = ["send_webhook_test", "resend_webhook_message"]
    assert [task.task_name for task in Task.objects.order_by("pk")] == names
    assert "because an editor paused it" in act(webmaster, webhook, "pause").content.decode()
    act(webmaster, webhook, "resume")
    assert Webhook.objects.get().state == "active"
    shown = act(webmaster, webhook, "secret").content.decode()
    assert Webhook.objects.get().secret in shown.replace("&#x3D;", "=")
    assert Webhook.objects.get().previous_secrets == [webhook.secret]
    assert "This button does not exist." in act(webmaster, webhook, "other").content.decode()


def test_pause_keeps_the_reason_of_the_service(webmaster: Client) -> None:
    webhook = make_webhook(URL, paused_at=timezone.now(), paused_reason="receiver_gone")
    act(webmaster, webhook, "pause")
    assert Webhook.objects.get().paused_reason == "receiver_gone"
    assert not LogEntry.objects.exists()


def test_further_secret_is_refused_while_three_others_sign(webmaster: Client) -> None:
    webhook = make_webhook(URL)
    for _ in range(3):
        webhook.rotate_secret()
    assert "3 previous ones still sign" in act(webmaster, webhook, "secret").content.decode()
    assert Webhook.objects.get().secret == webhook.secret


def test_buttons_take_a_post_of_someone_who_may(client: Client) -> None:
    webhook = make_webhook(URL)
    client.force_login(editor("reader", "view_webhook"))
    assert client.get(f"{LIST}{webhook.pk}/act/").status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert act(client, webhook, "pause").status_code == HTTPStatus.FORBIDDEN
    shown = page(client, f"{LIST}{webhook.pk}/change/")
    assert "Send test" not in shown
    client.force_login(editor("other"))
    assert client.get(LOG).status_code == HTTPStatus.FORBIDDEN


def test_log_is_filtered_and_sends_again(webmaster: Client) -> None:
    webhook, other = make_webhook(URL), make_webhook(URL)
    failed = log_entry(webhook, code="http_error", status=500)
    test = log_entry(other, kind="test", number=0)
    for query, shown in (
        ("", [test, failed]),
        ("outcome=failed", [failed]),
        ("kind=test", [test]),
        (f"webhook__id__exact={webhook.pk}", [failed]),
    ):
        response: Any = webmaster.get(f"{LOG}?{query}")
        assert list(response.context["cl"].result_list) == shown
    assert "The receiver responded with an error. (HTTP 500)" in page(webmaster, LOG)
    assert "HTTP 500" in page(webmaster, f"{LOG}{failed.pk}/change/")
    form = {"action": "resend", "_selected_action": [failed.pk, test.pk]}
    answer = webmaster.post(LOG, form, follow=True).content.decode()
    assert "1 message will be sent again." in answer


def test_deletion_does_not_list_the_log(webmaster: Client) -> None:
    webhook = make_webhook(URL)
    log_entry(webhook)
    path = f"{LIST}{webhook.pk}/delete/"
    assert "msg_1" not in page(webmaster, path)
    webmaster.post(path, {"post": "yes"})
    assert not WebhookDelivery.objects.exists()


def test_dashboard_names_webhooks_that_the_service_has_paused(webmaster: Client) -> None:
    make_webhook(URL, paused_at=timezone.now(), paused_reason="editor")
    assert "gets no changes" not in page(webmaster, "/admin/")
    make_webhook(URL, paused_at=timezone.now(), paused_reason="receiver_gone")
    said = "it was paused because the receiver responded with 410 Gone"
    assert said in page(webmaster, "/admin/")
