"""The errors of the client that a stream request can have: each with its status, code and sentence.

The OpenAPI description takes all three from here.
"""

import json
from typing import NamedTuple


class ClientError(NamedTuple):
    """An error that the client causes and can avoid."""

    status: int
    code: str  # a stable word for programs
    detail: str  # a sentence for people

    @property
    def json(self) -> bytes:
        return json.dumps({"detail": self.detail, "code": self.code}).encode()


AUDIO_CHANGED = ClientError(412, "precondition_failed", "The audio has another ETag.")
RANGE_NOT_SATISFIABLE = ClientError(
    416, "range_not_satisfiable", "The range starts past the end of the audio."
)


def range_not_satisfiable(size: int) -> ClientError:
    """Return the error for a range that starts at or past the end of `size` bytes."""
    detail = f"{RANGE_NOT_SATISFIABLE.detail} The audio has {size} bytes."
    return RANGE_NOT_SATISFIABLE._replace(detail=detail)
