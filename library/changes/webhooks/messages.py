"""Messages: which changes one has, its body, and its signature.

The format is that of Standard Webhooks 1.0 (https://www.standardwebhooks.com). A message has the
changes of many clips, so an edit of 100,000 clips makes a few hundred messages.
"""

import secrets
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
from standardwebhooks import Webhook as Signer

from library.changes import feed
from library.changes.feed import Change

MOST_CHANGES = 500  # of a message
MOST_BYTES = 100_000  # of its changes
MOST_READ = 10_000  # changes of other kinds that are passed over before a message is complete
PER_CHANGE = 120  # bytes of a change without its reason, at most

CHANGED, TEST = "clips.changed", "clips.test"


class Batch(NamedTuple):
    """The changes of a message, and the number up to which it covers the feed.

    `more` is set if the feed continues there.
    """

    changes: Sequence[Change]
    until: int
    more: bool


class Message(NamedTuple):
    """A message. A repetition has the same id and the same body."""

    id: str
    type: str
    at: datetime
    data: dict[str, Any]

    def body(self) -> bytes:
        """Return the JSON that is sent."""
        document = {"type": self.type, "timestamp": self.at, "data": self.data}
        return orjson.dumps(document, option=orjson.OPT_UTC_Z)


def new_id() -> str:
    """Return an id that no other message has."""
    return f"msg_{secrets.token_hex(12)}"


def next_batch(after: int, kinds: Collection[str], until: int | None = None) -> Batch:
    """Return the next changes of these kinds, as many as fit into a message.

    With `until`, return all of them up to this number: those of a message that is fixed already.
    Raises CursorExpiredError.
    """
    chosen: list[Change] = []
    place, size, number_read = after, 0, 0
    while number_read < MOST_READ:
        found = feed.changes_after(place, MOST_CHANGES)
        for change in found:
            if until is not None and change.seq > until:
                return Batch(chosen, until, more=True)
            if change.change in kinds:
                size += PER_CHANGE + len((change.reason or "").encode())
                if chosen and (len(chosen) == MOST_CHANGES or size > MOST_BYTES):
                    return Batch(chosen, place, more=True)
                chosen.append(change)
            place = change.seq
        number_read += len(found)
        if len(found) < MOST_CHANGES:
            return Batch(chosen, max(place, until or 0), more=False)
    return Batch(chosen, place, more=True)


def changes_message(message_id: str, at: datetime, changes: Iterable[Change]) -> Message:
    """Return the message of these changes."""
    shown = [
        {
            "seq": change.seq,
            "id": change.clip_id,
            "change": change.change,
            "reason": change.reason,
            "at": change.at,
        }
        for change in changes
    ]
    return Message(message_id, CHANGED, at, {"changes": shown})


def test_message(message_id: str, at: datetime, webhook_id: int) -> Message:
    """Return a message without changes, by which a receiver can be tested."""
    return Message(message_id, TEST, at, {"webhook": webhook_id})


def signed_headers(
    message_id: str, body: bytes, keys: Iterable[str], now: datetime
) -> dict[str, str]:
    """Return the headers of an attempt at this time. Each secret adds a signature."""
    now, text = now.astimezone(UTC), body.decode()
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Signer(key).sign(message_id, now, text) for key in keys),
    }
