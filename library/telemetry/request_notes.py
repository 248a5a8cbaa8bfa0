"""Facts about a request for its line in the log. Views add them; the server logs them."""

from typing import Any

_KEY = "clips.request_notes"


def note(environ: dict[str, Any], **facts: object) -> None:
    """Add facts to a request's WSGI environment (`request.META`)."""
    noted(environ).update(facts)


def noted(environ: dict[str, Any]) -> dict[str, Any]:
    """Return the facts noted so far. The caller may add others."""
    facts: dict[str, Any] = environ.setdefault(_KEY, {})
    return facts
