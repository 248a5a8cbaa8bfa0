"""What a request's line in the log tells beyond HTTP: views note it, the server's log reads it."""

from typing import Any

_KEY = "clips.access"


def note(environ: dict[str, Any], **facts: object) -> None:
    """Note facts of a request, in its WSGI environment (`request.META`)."""
    noted(environ).update(facts)


def noted(environ: dict[str, Any]) -> dict[str, Any]:
    """What is noted; more can be added to it."""
    facts: dict[str, Any] = environ.setdefault(_KEY, {})
    return facts
