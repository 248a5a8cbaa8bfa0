"""What the public is told of a clip that it may not have, or not any more."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404

from library.api.errors import Gone, Withdrawn
from library.models import State

COLUMNS = ("state", "withdrawn_reason", "deleted_at")  # what to read of a clip to judge it


def judge(row: Mapping[str, Any]) -> None:
    """Return if the public may have this clip.

    Raises Gone if it was deleted, Withdrawn if editors took it away, Http404 if they have not
    published it.
    """
    if row["deleted_at"] is not None:
        raise Gone
    if row["state"] == State.WITHDRAWN:
        raise Withdrawn(row["withdrawn_reason"])
    if row["state"] == State.DRAFT:
        raise Http404
