"""Streaming a clip's audio: from the request to the first byte."""

import logging
from threading import BoundedSemaphore

from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from library.api import errors
from library.audio.errors import CAUSES, AudioUnavailableError
from library.models import Clip
from library.plays.group import NotWrittenError
from library.plays.outcomes import outcome_writer
from library.plays.record import Recorded, record
from library.plays.request import kind_of_play, play_of
from library.sources.opening import open_audio
from library.streams.delivery import Delivery, deliver
from library.telemetry import request_notes, trace_context
from library.telemetry.http_requests import BEGAN
from library.telemetry.instruments import StreamMeter, streams_refused

logger = logging.getLogger(__name__)
HANDED_OVER = {"outcome": "handed_over"}

# Each stream holds a thread until its last byte. Some threads are reserved for other requests, so
# that the API and the health checks respond even while all places for streams are taken.
_places = BoundedSemaphore(settings.CLIPS_MAX_STREAMS)

OTHER_ERRORS = (
    errors.NoCapacity,
    errors.PlayNotRecorded,
    errors.DatabaseUnavailable,
    errors.ServerError,
)
# Start every counter at 0, so that rates include the first error of each kind.
for _code in (*CAUSES, *(error.default_code for error in OTHER_ERRORS)):
    streams_refused.labels(_code)


def count_refusal(error: Exception) -> None:
    """Count an error of the service or an origin by its code. Ignore client errors."""
    response = errors.api_error(error)
    if response.status_code >= 500:
        streams_refused.labels(response.get_codes()).inc()


def stream_clip(request: HttpRequest, clip: Clip) -> HttpResponseBase:
    """Return a response with the clip's audio. A play is committed before the response is sent.

    Raise AudioUnavailableError, NoCapacity or PlayNotRecorded; no audio is sent then.
    """
    if settings.CLIPS_VIA in request.headers.get("Via", ""):
        raise AudioUnavailableError("origin_loop")
    connection.close()  # downloading from an origin may take long
    if not _places.acquire(blocking=False):
        raise errors.NoCapacity
    meter = StreamMeter(request.META.get(BEGAN))
    try:
        delivery = deliver(request, open_audio(clip), clip.title)
        try:
            play = _record_play(request, clip, delivery)
        except BaseException:
            delivery.response.close()
            raise
    except BaseException:
        _places.release()
        raise
    if delivery.part is None:
        _places.release()
        return delivery.response
    meter.start()
    body = delivery.body
    noted = request_notes.noted(request.META)
    noted["play"] = play is not None and play.event_id is not None
    noted.update(HANDED_OVER if body is None else {"stream": body})
    if body is None:  # nginx sends it; the bytes sent and the outcome are unknown here
        meter.finish(0, HANDED_OVER["outcome"])
        _places.release()
        return delivery.response

    def on_close() -> None:
        meter.finish(body.sent, body.outcome)
        _places.release()
        if play is not None:
            completed = body.outcome == "completed" and delivery.to_the_end
            outcome_writer.add(play, body.sent, completed=completed)

    body.on_close = on_close
    return delivery.response


def _record_play(request: HttpRequest, clip: Clip, delivery: Delivery) -> Recorded | None:
    """Record the play. Return None if the request is no play or repeats one."""
    kind = kind_of_play(request, delivery.part, ranged=delivery.ranged)
    if kind is None:
        return None
    try:
        with trace_context.span("record play", {"clips.play.kind": str(kind)}):
            return record(play_of(request, clip.pk, kind))
    except Clip.DoesNotExist:
        raise errors.ClipNotFound from None
    except (Error, NotWrittenError):
        logger.warning("A play could not be recorded", exc_info=True, extra={"clip": clip.pk})
        raise errors.PlayNotRecorded from None
