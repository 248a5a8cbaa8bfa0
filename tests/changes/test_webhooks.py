"""Deliveries to a real receiver, which fails and recovers."""

import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from standardwebhooks.webhooks import Webhook as Verifier

from library.audio.origin import OriginClient, OriginLimits
from library.audio.origin_policy import OriginPolicy
from library.changes import feed
from library.changes.webhooks import delivering, messages, sending
from library.changes.webhooks.delivering import deliver_next
from library.changes.webhooks.messages import MOST_BYTES, MOST_CHANGES
from library.models import Clip, Webhook, WebhookDelivery, WebhookTally
from library.models.clip import REASON_LENGTH
from tests.support.hooks import HookReceiver, hang_up, make_webhook, respond
from tests.support.recipes import linked_clip

LIMITS = OriginLimits(connect=0.5, read=0.5, total=0.5)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def loopback() -> OriginClient:
    return OriginClient(OriginPolicy(["127.0.0.1"]), LIMITS, via="test")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, loopback: OriginClient) -> None:
    monkeypatch.setattr(sending, "client", lambda: loopback)


@pytest.fixture
def receiver() -> Iterator[HookReceiver]:
    receiver = HookReceiver()
    yield receiver
    receiver.close()


@pytest.fixture
def hook(receiver: HookReceiver, _quick: None) -> Webhook:
    return make_webhook(receiver.url)


def deliver(hook: Webhook) -> Webhook:
    """Deliver until nothing more can be sent now; return the webhook as it is then."""
    while deliver_next(hook.pk):
        pass
    hook.refresh_from_db()
    return hook


def due(hook: Webhook) -> Webhook:
    """Let the time of the next attempt come."""
    Webhook.objects.filter(pk=hook.pk).update(next_attempt_at=timezone.now())
    return deliver(hook)


def log() -> list[tuple[str, int | None, str]]:
    entries = WebhookDelivery.objects.order_by("pk")
    return list(entries.values_list("kind", "status", "code"))


def publish(number: int) -> None:
    Clip.objects.bulk_create(linked_clip.prepare(_quantity=number))


def test_changes_arrive_signed_and_in_order(hook: Webhook, receiver: HookReceiver) -> None:
    clip = linked_clip.make()
    clip.title = "Other"
    clip.save()
    Clip.objects.filter(pk=clip.pk).update(state="withdrawn", withdrawn_reason="Rights")
    hook = deliver(hook)
    (message,) = receiver.verified(hook.secret)
    assert message["type"] == "clips.changed"
    changes = message["data"]["changes"]
    assert [(c["id"], c["change"], c["reason"]) for c in changes] == [
        *((clip.pk, kind, None) for kind in ("published", "updated")),
        (clip.pk, "withdrawn", "Rights"),
    ]
    assert [c["seq"] for c in changes] == sorted(c["seq"] for c in changes)
    assert (hook.cursor, hook.state) == (changes[-1]["seq"], "active")
    assert log() == [("changes", 204, "")]
    deliver(hook)
    assert len(receiver.received) == 1


def test_failed_message_is_repeated_as_it_was(hook: Webhook, receiver: HookReceiver) -> None:
    receiver.answers += [500, hang_up, 200]
    first = linked_clip.make()
    hook = deliver(hook)
    assert (hook.state, hook.failures) == ("failing", 1)
    assert hook.next_attempt_at is not None
    second = linked_clip.make()
    assert not deliver_next(hook.pk)  # before the time has come
    assert due(hook).failures == 2
    hook = due(hook)
    assert (hook.state, hook.failures, hook.next_attempt_at) == ("active", 0, None)
    deliver(hook)
    ids = [each.id for each in receiver.received]
    assert ids == [ids[0]] * 3 + [ids[3]]
    assert ids[3] != ids[0]
    assert receiver.received[0].body == receiver.received[2].body
    assert receiver.changes()[-2:] == [(first.pk, "published"), (second.pk, "published")]
    codes = [code for _, _, code in log()]
    assert codes == ["http_error", "protocol_error", "", ""]
    assert WebhookDelivery.objects.order_by("pk")[0].response == "said the receiver"
    assert dict(WebhookTally.objects.values_list("outcome", "number")) == {
        "failed": 2,
        "delivered": 2,
    }


def test_process_killed_after_the_request_repeats_it(
    hook: Webhook, receiver: HookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = linked_clip.make()
    connection.close()
    child = os.fork()
    if not child:
        monkeypatch.setattr(delivering, "_end", lambda *_: os._exit(9))
        deliver_next(hook.pk)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    deliver(hook)
    assert receiver.changes() == [(clip.pk, "published")] * 2
    assert len({(each.id, each.body) for each in receiver.received}) == 1
    assert len(log()) == 1


def test_slow_receiver_is_a_failure(hook: Webhook, receiver: HookReceiver) -> None:
    released = threading.Event()
    receiver.answers.append(lambda _: released.wait(20))
    linked_clip.make()
    deliver(hook)
    released.set()
    assert log() == [("changes", None, "timeout")]


def test_slow_body_of_a_response_is_ignored(hook: Webhook, receiver: HookReceiver) -> None:
    released = threading.Event()

    def drip(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nsaid")
        released.wait(20)

    receiver.answers.append(drip)
    linked_clip.make()
    assert deliver(hook).state == "active"
    released.set()
    assert WebhookDelivery.objects.get().response == "said"


def test_redirect_is_not_followed(hook: Webhook, receiver: HookReceiver) -> None:
    receiver.answers.append(lambda handler: respond(handler, 307, Location=receiver.url))
    linked_clip.make()
    deliver(hook)
    assert (len(receiver.received), log()) == (1, [("changes", 307, "redirected")])


def test_gone_pauses_at_once(hook: Webhook, receiver: HookReceiver) -> None:
    receiver.answers.append(410)
    linked_clip.make()
    hook = deliver(hook)
    assert (hook.state, hook.paused_reason) == ("paused", "receiver_gone")
    due(hook)
    assert len(receiver.received) == 1


def test_retry_after_is_honoured(hook: Webhook, receiver: HookReceiver) -> None:
    receiver.answers.append(lambda handler: respond(handler, 503, Retry_After="600"))
    linked_clip.make()
    at = deliver(hook).next_attempt_at
    assert at is not None
    assert at > timezone.now() + timedelta(seconds=590)


def test_a_day_of_failures_pauses_until_an_editor_resumes(
    hook: Webhook, receiver: HookReceiver
) -> None:
    receiver.answers += [500, 500, 500]
    clip = linked_clip.make()
    deliver(hook)
    Webhook.objects.update(failing_since=timezone.now() - timedelta(hours=23))
    assert due(hook).state == "failing"
    Webhook.objects.update(failing_since=timezone.now() - timedelta(hours=24))
    hook = due(hook)
    assert (hook.state, hook.paused_reason) == ("paused", "failed_for_a_day")
    assert list(Webhook.objects.paused_by_service()) == [hook]
    other = linked_clip.make()
    due(hook)
    assert len(receiver.received) == 3
    hook.resume()
    deliver(hook)
    deliver(hook)
    assert receiver.changes()[3:] == [(clip.pk, "published"), (other.pk, "published")]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://127.0.0.1:1/", "unreachable"),
        ("https://10.0.0.1/", "url_refused"),
        ("http://example.com/", "url_refused"),
        ("https://nothing.invalid/", "dns_failed"),
    ],
)
def test_receiver_that_cannot_be_reached(url: str, code: str) -> None:
    linked_clip.make()
    hook = make_webhook(url)
    linked_clip.make()
    deliver(hook)
    assert log() == [("changes", None, code)]


def test_name_with_a_private_address_is_refused(
    receiver: HookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = OriginClient(OriginPolicy(), LIMITS, via="test", resolver=lambda *_: ["127.0.0.1"])
    monkeypatch.setattr(sending, "client", lambda: public)
    hook = make_webhook("https://hooks.example/")
    linked_clip.make()
    deliver(hook)
    assert log() == [("changes", None, "address_refused")]


def test_only_the_chosen_kinds_are_sent(receiver: HookReceiver) -> None:
    hook = make_webhook(receiver.url, "deleted")
    publish(3)
    hook = deliver(hook)
    assert (receiver.received, hook.cursor) == ([], feed.latest())
    last = Clip.objects.latest("pk")
    Clip.objects.filter(pk=last.pk).mark_deleted()
    deliver(hook)
    assert receiver.changes() == [(last.pk, "deleted")]


def test_many_changes_are_few_messages(
    hook: Webhook, receiver: HookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "MOST_CHANGES", 40)
    publish(101)
    hook = deliver(hook)
    sizes = [len(m["data"]["changes"]) for m in receiver.verified(hook.secret)]
    assert (sizes, hook.cursor) == ([40, 40, 21], feed.latest())
    assert len(set(receiver.changes())) == 101


def test_messages_have_a_limited_size(hook: Webhook, receiver: HookReceiver) -> None:
    publish(MOST_CHANGES + 1)
    deliver(hook)
    receiver.received.clear()
    reason = "€" * REASON_LENGTH
    Clip.objects.update(state="withdrawn", withdrawn_reason=reason)
    deliver(hook)
    assert len(receiver.changes()) == MOST_CHANGES + 1
    sizes = [len(each.body) for each in receiver.received]
    assert len(sizes) > 2
    assert max(sizes) < MOST_BYTES + 100


def test_two_secrets_sign_after_a_rotation(hook: Webhook, receiver: HookReceiver) -> None:
    old, new = hook.secret, hook.rotate_secret()
    linked_clip.make()
    deliver(hook)
    assert receiver.verified(old) == receiver.verified(new)
    Webhook.objects.update(previous_secrets_until=[timezone.now()])
    linked_clip.make()
    deliver(hook)
    (last,) = receiver.received[1:]
    assert " " not in last.headers["webhook-signature"]
    Verifier(new).verify(last.body, last.headers)


def test_editor_who_changes_the_kinds_gets_another_message(
    hook: Webhook, receiver: HookReceiver
) -> None:
    receiver.answers.append(500)
    linked_clip.make()
    hook = deliver(hook)
    hook.changes = ["published", "deleted"]
    hook.save_form(["changes"])
    deliver(hook)
    assert len({each.id for each in receiver.received}) == 2


def test_result_of_an_earlier_url_does_not_count(hook: Webhook, receiver: HookReceiver) -> None:
    """An editor changes the URL while a message is under way to the previous one."""

    def change(handler: Any) -> None:
        Webhook.objects.update(url=receiver.url + "/new")
        connection.close()
        respond(handler, 200)

    receiver.answers.append(change)
    linked_clip.make()
    deliver(hook)
    deliver(hook)
    assert len({each.id for each in receiver.received}) == 1
    assert len(receiver.received) == 2


def test_test_message(hook: Webhook, receiver: HookReceiver) -> None:
    hook.pause()
    delivering.send_test(hook.pk, "msg_1")
    (message,) = receiver.verified(hook.secret)
    assert (message["type"], message["data"]) == ("clips.test", {"webhook": hook.pk})
    assert (receiver.received[0].id, log()) == ("msg_1", [("test", 204, "")])


def test_resent_message_is_the_same(hook: Webhook, receiver: HookReceiver) -> None:
    linked_clip.make()
    hook = deliver(hook)
    linked_clip.make()
    delivering.resend(WebhookDelivery.objects.get().pk)
    first, again = receiver.received
    assert (first.id, first.body) == (again.id, again.body)
    assert [kind for kind, _, _ in log()] == ["changes", "resend"]
    delivering.resend(WebhookDelivery.objects.latest("pk").pk)
    assert receiver.received[2].body == first.body


def test_expired_changes_are_noted_and_the_rest_is_delivered(
    hook: Webhook, receiver: HookReceiver
) -> None:
    publish(2)
    hook = deliver(hook)
    hook.pause()
    publish(2)
    clip = linked_clip.make()
    assert feed.prune(timezone.now() + timedelta(hours=1))
    receiver.received.clear()
    hook.resume()
    deliver(hook)
    assert receiver.changes() == [(clip.pk, "published")]
    assert ("changes", None, "changes_expired") in log()
    delivering.resend(WebhookDelivery.objects.earliest("pk").pk)
    assert log()[-1] == ("resend", None, "changes_expired")


def test_changes_of_a_webhook_that_has_all_never_expire(
    hook: Webhook, receiver: HookReceiver
) -> None:
    publish(1)
    publish(1)
    hook = deliver(hook)
    for count in range(2):
        Clip.objects.update(play_count=count + 1)
        feed.prune(timezone.now() + timedelta(days=1))
        deliver(hook)
    clip = linked_clip.make()
    feed.prune(timezone.now() + timedelta(days=1))
    deliver(hook)
    assert receiver.changes()[2:] == [(clip.pk, "published")]
    assert {code for _, _, code in log()} == {""}


def test_old_log_entries_are_pruned(hook: Webhook) -> None:
    linked_clip.make()
    deliver(hook)
    WebhookDelivery.objects.update(at=timezone.now() - timedelta(days=15))
    assert (WebhookDelivery.objects.prune(), log()) == (1, [])
