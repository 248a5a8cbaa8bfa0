"""Streaming a clip's audio through Django: from the request to the first byte.

This works with any WSGI server. Each stream holds a thread until its last byte.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import BoundedSemaphore

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from library.api import errors
from library.api.stream_steps import (
    begin,
    embedding_host,
    recording,
    refuse_loop,
    refuse_missing,
)
from library.audio.open_audio import OpenAudio
from library.audio_response import audio_response, stream_request, stream_rules
from library.client_address import request_network
from library.models import Clip
from library.plays.listener import current_keys
from library.plays.record import Recorded, record
from library.plays.request import kind_of_play, play_of
from library.renditions.files import open_rendition
from library.renditions.variants import Variant
from library.sources.opening import open_audio
from library.streams.answer import Answer, StreamRequest, answer
from library.tasks.changed_audio import notices
from library.telemetry import request_notes
from library.telemetry.http_requests import BEGAN
from library.telemetry.instruments import StreamMeter

_places = BoundedSemaphore(settings.CLIPS_MAX_STREAMS)


def stream_clip(
    request: HttpRequest, clip: Clip, variant: Variant | None = None
) -> HttpResponseBase:
    """Return a response with the clip's audio. A play is committed before the response is sent.

    Raise AudioUnavailableError, NoCapacity, PlayNotRecorded or an error of `refuse_missing`; no
    audio is sent then.
    """
    received = stream_request(request)
    refuse_loop(received.field)
    connection.close()  # downloading from an origin may take long
    meter = StreamMeter(request.META.get(BEGAN))
    with ExitStack() as held:
        held.enter_context(_place())
        audio = _open(clip, variant)
        if variant is None:
            notices.compare(clip.pk, audio, (clip.audio or {}).get("etag"))
        reply = answer(received, audio, clip.title, stream_rules())
        response, body = audio_response(reply, audio)
        try:
            play = _record_play(request, clip, received, reply)
        except BaseException:
            response.close()
            raise
        end = begin(meter, reply, play, body, request_notes.noted(request.META))
        if body is not None:
            until_closed = held.pop_all()
            until_closed.callback(end)
            body.on_close = until_closed.close
    return response


def _open(clip: Clip, variant: Variant | None) -> OpenAudio:
    if variant is None:
        return open_audio(clip)
    made = variant.listed_in(clip.renditions)
    audio = open_rendition(made) if made else None
    if audio is None:
        refuse_missing(clip.pk, variant)
    return audio


def _record_play(
    request: HttpRequest, clip: Clip, received: StreamRequest, reply: Answer
) -> Recorded | None:
    """Record the play. Return None if the request is no play."""
    kind = kind_of_play(received.method, received.field, reply.part, ranged=reply.ranged)
    if kind is None:
        return None
    with recording(clip.pk, kind):
        network = request_network(request)
        embedded_in = embedding_host(request.META["QUERY_STRING"])
        play = play_of(
            clip.pk, kind, received.field, network, current_keys(), embedded_in=embedded_in
        )
        return record(play)


@contextmanager
def _place() -> Iterator[None]:
    """Hold one of the places for streams. Raises NoCapacity."""
    if not _places.acquire(blocking=False):
        raise errors.NoCapacity
    try:
        yield
    finally:
        _places.release()
