"""Facts about a request for its line in the log. Views add them; the server logs them."""

from typing import Any

KEY = "clips.request_notes"


def noted(environ: dict[str, Any]) -> dict[str, Any]:
    """Return the facts in a WSGI environment (`request.META`). Callers can add others."""
    facts: dict[str, Any] = environ.setdefault(KEY, {})
    return facts
