"""Looking at what an origin serves, without keeping it.

Not through the store: an editor's trial must not push out what listeners hear, and a copy there
tells nothing of how its origin fares today.
"""

import logging
import tempfile
from dataclasses import dataclass, replace

from library.audio.duration import duration_of
from library.audio.errors import CAUSES, AudioUnavailableError
from library.audio.origin import OriginAnswer, OriginClient
from library.audio.sniff import read_head

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SourceReport:
    """What was found at an address. `code` is None if it is audio that can be served."""

    url: str
    final_url: (
        str  # behind all redirects; equal to url if there was none, or none could be followed
    )
    content_type: str | None = None  # by the bytes
    size_bytes: int | None = None
    duration: float | None = None  # seconds, None if it was not measured or cannot be told
    code: str | None = None  # of library.audio.errors
    detail: str | None = None  # a sentence for people
    origin_status: int | None = None  # the HTTP status with which the origin refused


def look(client: OriginClient, url: str, *, head_only: bool = False) -> SourceReport:
    """Fetch the audio at a URL, measure it and forget it.

    With `head_only` no more is read than tells the type, and the origin's word on the size taken:
    enough to know that it serves audio, at a hundredth of the traffic.
    """
    report = SourceReport(url, url)
    try:
        with client.get(url) as answer:
            report = replace(report, final_url=answer.url)
            return _read(report, answer, head_only=head_only)
    except AudioUnavailableError as error:
        detail = error.detail
        if error.origin_status is not None:
            detail = f"The origin answered with the status {error.origin_status}."
        return replace(report, code=error.code, detail=detail, origin_status=error.origin_status)
    except Exception:
        logger.exception("An origin could not be looked at")
        code = "origin_protocol_error"
        return replace(report, code=code, detail=CAUSES[code][1])


def _read(report: SourceReport, answer: OriginAnswer, *, head_only: bool) -> SourceReport:
    """What the body tells. Raises AudioUnavailableError."""
    chunks = answer.chunks()
    head, content_type = read_head(chunks)
    if head_only:
        return replace(report, content_type=content_type, size_bytes=answer.length)
    with tempfile.TemporaryFile() as body:
        body.write(head)
        for chunk in chunks:
            body.write(chunk)
        size = body.tell()
        duration = duration_of(body)
    return replace(report, content_type=content_type, size_bytes=size, duration=duration)
