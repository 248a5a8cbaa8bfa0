"""The receiver in the documentation verifies messages, and applies each change once."""

import re
import threading
from collections.abc import Iterator
from http.server import HTTPServer
from typing import Any

import pytest

from harness.service import ROOT
from library.changes.webhooks import delivering
from library.models import Webhook, WebhookDelivery
from library.models.webhook import new_secret
from tests.support.hooks import make_webhook
from tests.support.recipes import linked_clip

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = new_secret()


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of the example."""
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    (source,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/webhooks.md").read_text(), re.S)
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(source, "webhooks.md", "exec"), names)
    names["Receiver"].log_message = lambda *_: None
    return names


@pytest.fixture
def hook(example: dict[str, Any]) -> Iterator[Webhook]:
    server = HTTPServer(("127.0.0.1", 0), example["Receiver"])
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    hook = make_webhook(f"http://127.0.0.1:{server.server_port}/")
    Webhook.objects.update(secret=SECRET)
    yield hook
    server.shutdown()
    server.server_close()


def test_example_applies_each_change_once(
    example: dict[str, Any], hook: Webhook, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = linked_clip.make()
    delivering.deliver_next(hook.pk)
    delivering.resend(WebhookDelivery.objects.get().pk)
    delivering.send_test(hook.pk, "msg_1")
    assert capsys.readouterr().out == f"published clip {clip.pk}\n"
    assert {entry.status for entry in WebhookDelivery.objects.all()} == {204}


def test_example_refuses_a_wrong_signature(hook: Webhook) -> None:
    Webhook.objects.update(secret=new_secret())
    delivering.send_test(hook.pk, "msg_1")
    assert WebhookDelivery.objects.get().status == 401
