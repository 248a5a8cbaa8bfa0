"""Names of fields in a JSON body that clients cannot send, and what is wrong with each."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from rest_framework.exceptions import ErrorDetail

from library.api.errors import NOT_NAMES

MOST_NAMED = 20  # wrong names in an answer, which would otherwise be longer than the body
LONGEST = 40  # characters of a name that is compared with others
WHOLE = "non_field_errors"  # the key of errors of the whole object


def wrong_names(
    body: Mapping[str, Any], writable: tuple[str, ...], read_only: Collection[str]
) -> dict[str, list[ErrorDetail]]:
    """Return an error for each name in the body that is read-only or unknown."""
    wrong = [name for name in body if name not in writable]
    found: dict[str, list[ErrorDetail]] = {}
    for name in wrong[:MOST_NAMED]:
        if name in read_only:
            error = ErrorDetail("This field cannot be set. Leave it out.", "read_only")
        else:
            error = ErrorDetail(_unknown(name[: LONGEST + 1], writable), "unknown")
        # A name that has a meaning in an answer cannot be a key of it.
        found.setdefault(WHOLE if name in NOT_NAMES else name[:LONGEST], []).append(error)
    if (more := len(wrong) - MOST_NAMED) > 0:
        sentence = f"{more} more fields are unknown or cannot be set."
        found.setdefault(WHOLE, []).append(ErrorDetail(sentence, "unknown"))
    return found


@lru_cache(maxsize=256)
def _unknown(name: str, writable: tuple[str, ...]) -> str:
    fields = f"The fields are: {', '.join(writable)}."
    quoted = f"“{name[:LONGEST]}…”" if len(name) > LONGEST else f"“{name}”"
    near = [] if len(name) > LONGEST else get_close_matches(name.lower(), writable, 1)
    question = f" Did you mean “{near[0]}”?" if near else ""
    return f"Unknown field {quoted}.{question} {fields}"
