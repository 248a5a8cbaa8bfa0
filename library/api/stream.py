"""GET and HEAD of a clip's audio, from the request to the first byte."""

import logging
from threading import BoundedSemaphore

from django.conf import settings
from django.db import Error, InterfaceError, OperationalError, connection
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.exceptions import APIException, NotFound

from library.api.errors import Unavailable
from library.audio.errors import CAUSES, AudioUnavailableError
from library.models import Clip
from library.plays.group import NotWrittenError
from library.plays.outcomes import outcome_writer
from library.plays.record import Recorded, record
from library.plays.request import play_of
from library.plays.rule import kind_of_play
from library.sources.opening import open_audio
from library.streams.delivery import Delivery, deliver
from library.telemetry import request_notes, trace_context
from library.telemetry.http_requests import BEGAN
from library.telemetry.instruments import StreamMeter, streams_refused

logger = logging.getLogger(__name__)
HANDED_OVER = {"outcome": "handed_over"}

# Each stream holds a thread until its last byte, so some threads are never given to streams: the
# API and the health checks answer while every stream is taken.
_places = BoundedSemaphore(settings.CLIPS_MAX_STREAMS)

# Beside the causes that lie with the audio. So all are there from the start, and rates see the
# first of each.
OTHER_CAUSES = ("no_capacity", "play_not_recorded", "database_unavailable", "server_error")
for _code in (*CAUSES, *OTHER_CAUSES):
    streams_refused.labels(_code)


def count_refusal(error: Exception) -> None:
    """Count a stream that is answered with an error of ours or of an origin, by its code.

    Not a clip that is not there: that is the client's error.
    """
    if code := _refusal(error):
        streams_refused.labels(code).inc()


def _refusal(error: Exception) -> str | None:
    """The code of the answer that `library.api.errors` makes of this; None below 500."""
    if isinstance(error, AudioUnavailableError):
        return error.code
    if isinstance(error, (OperationalError, InterfaceError)):
        return "database_unavailable"
    if isinstance(error, Unavailable):
        return str(error.get_codes())
    if isinstance(error, (Http404, APIException)):
        return None
    return "server_error"


def stream_clip(request: HttpRequest, clip: Clip) -> HttpResponseBase:
    """The audio of a clip; if this is a play, it is in PostgreSQL before the response leaves.

    Raises AudioUnavailableError, or Unavailable if there is no capacity or the play could not be
    recorded: then no audio is sent.
    """
    if settings.CLIPS_VIA in request.headers.get("Via", ""):
        raise AudioUnavailableError("origin_loop")
    connection.close()  # a fetch from an origin may take long
    if not _places.acquire(blocking=False):
        raise Unavailable("All places for streams are taken.", "no_capacity", wait=5)
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
    counted = play is not None and play.event_id is not None
    request_notes.note(
        request.META, play=counted, **(HANDED_OVER if body is None else {"stream": body})
    )
    if body is None:  # nginx sends it, and knows alone how much and how that ends
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
    """The play's record, None if it is none or the same once more."""
    kind = kind_of_play(request, delivery.part, ranged=delivery.ranged)
    if kind is None:
        return None
    try:
        with trace_context.span("record play", {"clips.play.kind": str(kind)}):
            return record(play_of(request, clip.pk, kind))
    except Clip.DoesNotExist:
        raise NotFound from None
    except (Error, NotWrittenError):
        logger.warning("A play could not be recorded", exc_info=True, extra={"clip": clip.pk})
        raise Unavailable(
            "The play could not be recorded, so no audio is sent.", "play_not_recorded"
        ) from None
