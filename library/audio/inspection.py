"""Inspect the audio that an origin serves, without storing it.

Inspections bypass the store: an editor's trial must not evict audio that listeners use, and a
stored copy does not show whether its origin works today.
"""

import logging
import tempfile
from dataclasses import dataclass, replace
from typing import Self

from library.audio.containers.results import Measurement
from library.audio.duration import measure, truncation
from library.audio.errors import CAUSES, AudioUnavailableError
from library.audio.origin import OriginClient
from library.audio.sniff import read_head

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SourceReport:
    """The result of an inspection. `code` is None if the source has audio that can be served."""

    url: str
    final_url: str  # after all redirects; equal to `url` if none was followed
    content_type: str | None = None  # by the bytes
    size_bytes: int | None = None
    duration: float | None = None  # seconds; None if unknown or not measured
    warning: str | None = None  # a sentence about audio that can be served
    code: str | None = None  # of library.audio.errors
    detail: str | None = None  # a sentence for people
    origin_status: int | None = None  # the HTTP status of an origin that responded with an error

    def measured(self, found: Measurement | None) -> Self:
        """Return the report with the duration, and a warning if the audio is truncated."""
        if found is None:
            return self
        return replace(self, duration=found.seconds, warning=truncation(found))


def inspect_url(client: OriginClient, url: str, *, head_only: bool = False) -> SourceReport:
    """Fetch the audio at a URL, measure it and discard it.

    With `head_only`, read only enough to detect the type, and take the size from Content-Length.
    This shows that the origin serves audio, at a hundredth of the traffic.
    """
    report = SourceReport(url, url)
    try:
        with client.get(url) as response:
            report = replace(report, final_url=response.url)
            chunks = response.chunks()
            with tempfile.TemporaryFile() as body:
                content_type = read_head(chunks, body)
                if head_only:
                    return replace(report, content_type=content_type, size_bytes=response.length)
                for chunk in chunks:
                    body.write(chunk)
                size, found = body.tell(), measure(body)
            return replace(report, content_type=content_type, size_bytes=size).measured(found)
    except AudioUnavailableError as error:
        detail = error.explanation or error.detail
        if error.origin_status is not None:
            detail = f"The origin responded with status {error.origin_status}."
        return replace(report, code=error.code, detail=detail, origin_status=error.origin_status)
    except OSError as error:  # of the temporary file: those of the network have a code
        logger.warning("No temporary file for an inspection: %s", error.strerror)
        code = "store_unavailable"
        return replace(report, code=code, detail=CAUSES[code].sentence)
    except Exception:
        logger.exception("An origin could not be inspected")
        code = "origin_protocol_error"
        return replace(report, code=code, detail=CAUSES[code].sentence)
