"""Adding webhooks."""

from typing import Any

from django.contrib.auth.models import User

from library.changes import feed
from library.models import Webhook

MOST_WEBHOOKS = 100


class TooManyWebhooksError(Exception):
    """There are MOST_WEBHOOKS already."""

    def __init__(self) -> None:
        super().__init__(f"There are {MOST_WEBHOOKS} webhooks, the most allowed. Delete one first.")


def add(webhook: Webhook, user: User | Any) -> None:
    """Save a new webhook, which gets the changes from now on. Raises TooManyWebhooksError."""
    if Webhook.objects.count() >= MOST_WEBHOOKS:
        raise TooManyWebhooksError
    webhook.created_by = user
    webhook.cursor = feed.latest()
    webhook.save()
