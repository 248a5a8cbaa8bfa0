"""The steps of a stream that its adapters share, whichever server sends the audio.

An adapter reads the variant, finds the clip, refuses a loop, opens the audio, computes the answer,
records the play if it is one, begins the stream, sends the answer, and ends the stream.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NoReturn

from django.conf import settings
from django.db import Error
from django.http import QueryDict

from library.api import errors, parameters
from library.audio.errors import CAUSES, AudioUnavailableError
from library.database_errors import fault_of, first_line
from library.models import Clip, Kind, Part
from library.plays.outcomes import outcome_writer
from library.plays.record import NotWrittenError, Recorded
from library.renditions.variants import DEFAULT_FORMAT, DEFAULT_QUALITY, Variant
from library.sound.failures import REASONS
from library.streams.answer import Answer
from library.streams.body import Sending
from library.streams.preconditions import Field
from library.tasks.renditions import Outcome, request_rendition
from library.telemetry import trace_context
from library.telemetry.instruments import StreamMeter, streams_refused

logger = logging.getLogger(__name__)

OTHER_ERRORS = (
    errors.NoCapacity,
    errors.RenditionsFull,
    errors.PlayNotRecorded,
    errors.DatabaseUnavailable,
    errors.DatabaseReadOnly,
    errors.DatabaseBusy,
    errors.ServerError,
)
# Start every counter at 0, so that rates include the first error of each kind.
for _code in (*CAUSES, *(error.default_code for error in OTHER_ERRORS)):
    streams_refused.labels(_code)


def count_refusal(error: Exception) -> None:
    """Count an error of the service or an origin by its code.

    Ignore client errors, and renditions that are requested for the first time.
    """
    response = errors.api_error(error)
    if response.status_code >= 500 and not isinstance(response, errors.RenditionPending):
        streams_refused.labels(response.get_codes()).inc()


def variant_of(query: str) -> Variant | None:
    """Return the rendition that a request with this query is for, None for the original.

    Raises ValidationError or WholeNotPublic.
    """
    only_previews = settings.CLIPS_PUBLISH == Part.PREVIEW
    given = _parameters(query) if query else {}
    chosen = given.keys() - {"embedded_in"}
    if not chosen and not only_previews:
        return None
    part = given.get("part", str(Part.PREVIEW if only_previews else Part.WHOLE))
    if part == Part.WHOLE:
        if only_previews:
            raise errors.WholeNotPublic
        if chosen == {"part"}:
            return None
    return Variant(part, given.get("format", DEFAULT_FORMAT), given.get("quality", DEFAULT_QUALITY))


def embedding_host(query: str) -> str:
    """Return the host that embeds the player, from a query that `variant_of` has accepted."""
    host: str = _parameters(query).get("embedded_in", "") if query else ""
    return host


@lru_cache(maxsize=1_000)
def _parameters(query: str) -> Mapping[str, Any]:
    """Return the parameters of a query. Players send the same one for each range of the audio."""
    return parameters.read_stream(QueryDict(query))


def refuse_missing(clip_id: int, variant: Variant) -> NoReturn:
    """Have a rendition made that the clip does not list. Takes a round trip to the database.

    Raises RenditionPending, RenditionsFull, RenditionFailed, or AudioUnavailableError.
    """
    match request_rendition(clip_id, variant):
        case Outcome.PENDING | Outcome.DEFER:
            raise errors.RenditionPending
        case Outcome.FULL:
            raise errors.RenditionsFull
        case str(code) if code in CAUSES:
            raise AudioUnavailableError(code)
        case str(code):
            raise errors.RenditionFailed(REASONS[code].sentence if code in REASONS else "")


def refuse_loop(field: Field) -> None:
    """Raise AudioUnavailableError if this service itself sent the request, to an origin."""
    if settings.CLIPS_VIA in (field("Via") or ""):
        raise AudioUnavailableError("origin_loop")


@contextmanager
def recording(clip_id: int, kind: Kind) -> Iterator[None]:
    """Trace the recording of a play. Turn its errors into ClipNotFound or PlayNotRecorded."""
    try:
        with trace_context.span("record play", {"clips.play.kind": str(kind)}):
            yield
    except Clip.DoesNotExist:
        raise errors.ClipNotFound from None
    except (Error, NotWrittenError) as error:
        cause = error.__cause__ if isinstance(error, NotWrittenError) else error
        if fault_of(cause) is None and cause is not None:
            logger.exception("A play could not be recorded", extra={"clip": clip_id})
        else:
            reason = first_line(cause) if cause else "its clip stayed locked"
            logger.warning("A play could not be recorded: %s", reason, extra={"clip": clip_id})
        raise errors.PlayNotRecorded from None


def begin(
    meter: StreamMeter,
    answer: Answer,
    play: Recorded | None,
    sending: Sending | None,
    noted: dict[str, Any],
) -> Callable[[], None]:
    """Count a stream that is about to begin, and note it for the log.

    `sending` is None if this service sends no audio. Returns a function that records the end of the
    stream. Call it once, after the last byte.
    """
    if answer.part is None:
        return _nothing
    meter.start()
    noted["play"] = play is not None and play.event_id is not None
    if sending is None:  # nginx sends it; the bytes sent and the outcome are unknown here
        noted["outcome"] = "handed_over"
        meter.finish(0, "handed_over")
        return _nothing

    def end() -> None:
        outcome = noted["outcome"] = sending.outcome
        meter.finish(sending.sent, outcome)
        if play is not None:
            completed = outcome == "completed" and answer.to_the_end
            outcome_writer.add(play, sending.sent, completed=completed)

    return end


def _nothing() -> None:
    pass
