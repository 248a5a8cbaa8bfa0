"""Which clips the public may see."""

from collections.abc import Mapping
from typing import Any

from library.api.errors import ClipNotFound, Gone, Withdrawn
from library.models import State

VISIBILITY = ("state", "withdrawn_reason", "deleted_at")  # columns that `check_visible` needs


def check_visible(row: Mapping[str, Any]) -> None:
    """Raise Gone, Withdrawn or, for a draft, ClipNotFound unless the public may see the clip."""
    if row["deleted_at"] is not None:
        raise Gone
    if row["state"] == State.WITHDRAWN:
        raise Withdrawn(row["withdrawn_reason"])
    if row["state"] == State.DRAFT:
        raise ClipNotFound
