"""The list of clips in the back office, used without a browser."""

from typing import Any

from django.contrib.messages import get_messages
from django.test import Client

from library.models import Clip


def act(client: Client, action: str, clips: list[Clip], query: str = "", **form: Any) -> Any:
    """Run an action on the ticked clips; return the page or redirect that answers."""
    ticked = [clip.pk for clip in clips]
    return client.post(
        f"/admin/library/clip/{query}",
        {"action": action, "select_across": 0, "_selected_action": ticked, **form},
    )


def messages_in(answer: Any) -> list[str]:
    """Return the messages that the next page shows."""
    return [str(message) for message in get_messages(answer.wsgi_request)]
