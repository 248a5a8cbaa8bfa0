"""Sending one message, and what became of it.

Receivers are as untrusted as origins, so the same guarded client sends: it judges every address,
connects to the judged one, follows no redirect and limits the whole exchange.
"""

import time
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from library.audio.errors import AudioUnavailableError
from library.audio.origin import OriginClient, OriginLimits
from library.changes.webhooks.messages import Message, signed_headers
from library.changes.webhooks.schedule import retry_after
from library.models import Webhook
from library.validators import origin_policy, validate_webhook_url

GONE = "gone"
EXPIRED = "changes_expired"
# By code, for people. An empty code means that the message was delivered.
SENTENCES = {
    "": "Delivered.",
    "http_error": "The receiver responded with an error.",
    "redirected": "The receiver redirects. Webhooks follow no redirects: change the URL.",
    GONE: "The receiver responded with 410 Gone: it wants no more messages.",
    "url_refused": "The URL is no longer allowed. Change it, or ask the operator to allow it.",
    "address_refused": "The receiver's address is not public, or its port is not 80 or 443.",
    "dns_failed": "The receiver's host name could not be resolved. Check the URL and the DNS.",
    "unreachable": "The receiver could not be reached. Check that it runs and accepts connections.",
    "tls_failed": "The TLS connection to the receiver failed. Check its certificate.",
    "timeout": "The receiver took too long to respond. It should respond before long work.",
    "protocol_error": "The receiver's response is not valid HTTP, or it closed the connection.",
    "too_large": "The head of the receiver's response is too large.",
    "failed": "The message could not be sent.",
    EXPIRED: "Changes that were not delivered in 30 days are lost. Read the list of clips again.",
}


@dataclass(frozen=True)
class Result:
    """What became of an attempt. It was delivered if `code` is empty."""

    code: str
    seconds: float
    status: int | None = None
    retry_after: float | None = None  # seconds
    response: str = ""  # its beginning


@cache
def client() -> OriginClient:
    """Return the process's client for receivers, configured by the settings."""
    seconds = settings.CLIPS_WEBHOOK_TIMEOUT
    return OriginClient(
        origin_policy(),
        OriginLimits(settings.CLIPS_ORIGIN_CONNECT_TIMEOUT, read=seconds, total=seconds),
        via=settings.CLIPS_VIA,
        user_agent=settings.CLIPS_ORIGIN_USER_AGENT,
    )


def send(webhook: Webhook, message: Message) -> Result:
    """Send a message once, signed with the webhook's secrets. Any 2xx counts as delivered."""
    began = time.monotonic()
    body, now = message.body(), timezone.now()
    headers = signed_headers(message.id, body, webhook.secrets(), now)
    try:
        validate_webhook_url(webhook.url)  # the operator's exceptions may have changed
        answer = client().post(webhook.url, body, headers)
    except ValidationError:
        return Result("url_refused", time.monotonic() - began)
    except AudioUnavailableError as error:
        code = error.code.removeprefix("origin_")
        code = code if code in SENTENCES else "failed"
        return Result(code, time.monotonic() - began)
    return Result(
        _code_of(answer.status),
        time.monotonic() - began,
        answer.status,
        retry_after(answer.headers.get("Retry-After", ""), now),
        answer.beginning.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}"),
    )


def _code_of(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if status == 410:
        return GONE
    return "redirected" if 300 <= status < 400 else "http_error"
