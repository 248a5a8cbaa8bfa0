"""Streams in the event loop: the fast adapter of `library.streams`. A listener holds no thread.

`library.api.stream` is the other adapter, for any WSGI server. Both take the same steps, and
neither has a rule of its own.
"""

import asyncio
import os
import re
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from functools import partial
from urllib.parse import parse_qs

from django.conf import settings

from clips_site.server.front.clips import Clips
from clips_site.server.front.database import Database
from clips_site.server.front.error_replies import error_reply
from clips_site.server.front.exchange import Exchange, joined, scheme
from clips_site.server.front.reply import CHUNK, FileReply, Reply, StreamedReply, whole_reply
from clips_site.server.front.site_headers import is_served_here, site_headers
from library.api import errors
from library.api.stream_steps import (
    begin,
    count_refusal,
    embedding_host,
    recording,
    refuse_loop,
    variant_of,
)
from library.audio.async_reading import wait_grown
from library.audio.byte_range import ByteRange
from library.audio.errors import AudioUnavailableError
from library.audio.open_audio import OpenAudio
from library.audio_response import stream_rules
from library.changes.clip_rows import ClipRow
from library.client_address import client_network
from library.plays.listener import current_keys, known_keys
from library.plays.record import ClipChangedError, Recorded
from library.plays.request import kind_of_play, play_of
from library.renditions.variants import Variant
from library.streams.answer import Answer, StreamRequest, answer, is_download
from library.tasks.changed_audio import notices
from library.telemetry import http_requests
from library.telemetry.instruments import StreamMeter

PATH = re.compile(r"/api/v1/clips/([0-9]{1,18})/stream")
ROUTE, TEMPLATE = "clip-stream", r"api/v1/^clips/(?P<pk>[0-9]{1,18})/stream$"
ALLOW = ("Allow", "GET, HEAD, OPTIONS")
METHODS = ("GET", "HEAD")
ATTEMPTS = 5  # to answer with a version of the clip that is current when the play is recorded


class Streams:
    """Answers requests for clips' audio."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._clips = Clips(database)
        self._in_progress = 0
        self._rules = stream_rules()

    async def reply(self, exchange: Exchange) -> Reply | None:
        """Return the response, or None if the request is for Django."""
        request = exchange.request
        found = PATH.fullmatch(exchange.path)
        if found is None or request.method not in METHODS or not is_served_here(exchange):
            return None
        clip_id = int(found[1])
        exchange.notes.update(route=ROUTE, path_template=TEMPLATE, clip=clip_id)
        self._in_progress += 1
        refusal: Exception | None = None
        try:
            reply = await self._stream(exchange, clip_id)
        except ConnectionError:  # the client has left
            self._in_progress -= 1
            raise
        except Exception as error:
            refusal = error
            reply = error_reply(error, exchange.notes)
        headers = dict((ALLOW, *site_headers(exchange))) | dict(reply.headers)
        reply.headers = tuple(headers.items())
        before_end = reply.on_end

        def end() -> None:
            self._in_progress -= 1
            before_end()

        reply.on_end = end
        count(exchange, reply.status, refusal)
        return reply

    async def _stream(self, exchange: Exchange, clip_id: int) -> Reply:
        """Find the clip, and answer. A clip kept in memory may be outdated: then read it again."""
        if self._in_progress > settings.CLIPS_MAX_STREAMS:
            raise errors.NoCapacity
        refuse_loop(partial(joined, exchange.request))
        variant = variant_of(exchange.query)
        if kept := self._clips.kept(clip_id, variant):
            with suppress(ClipChangedError):
                return await self._answer(exchange, kept, variant, is_current=False)
        for _ in range(ATTEMPTS):
            clip = await self._clips.read(clip_id)
            with suppress(ClipChangedError):  # since it was read
                return await self._answer(exchange, clip, variant, is_current=True)
        raise errors.PlayNotRecorded

    async def _answer(
        self, exchange: Exchange, clip: ClipRow, variant: Variant | None, *, is_current: bool
    ) -> Reply:
        """Open the audio, compute the answer, and record the play if it is one.

        Raises ClipChangedError if this version of the clip is outdated.
        """
        try:
            audio = await self._clips.open_audio(clip, variant, is_current=is_current)
        except AudioUnavailableError:
            if not is_current:
                await self._clips.compare(clip)
            raise
        try:
            asked = _asked(exchange)
            given = answer(asked, audio, clip.title, self._rules)
            if given.part is not None and not audio.whole:
                await wait_grown(audio, given.part.start)  # while the answer can be an error
            play = await self._record(exchange, asked, clip, given)
            if play is None and not is_current:  # recording compares the version itself
                await self._clips.compare(clip)
            return self._send(exchange, clip, variant, given, audio, play)
        except BaseException:
            audio.close()
            raise

    async def _record(
        self, exchange: Exchange, asked: StreamRequest, clip: ClipRow, given: Answer
    ) -> Recorded | None:
        """Record the play. It is committed on return. Return None if the request is no play."""
        kind = kind_of_play(asked.method, asked.field, given.part, ranged=given.ranged)
        if kind is None:
            return None
        if exchange.request.transport is None:  # the client left while an origin was slow
            raise ConnectionResetError
        network = client_network(
            exchange.request.remote or "",
            asked.field("X-Forwarded-For") or "",
            settings.CLIPS_TRUSTED_PROXIES,
        )
        try:
            with recording(clip.id, kind):
                keys = known_keys()
                if keys is None:
                    keys = await asyncio.to_thread(current_keys)
                embedded_in = embedding_host(exchange.query)
                play = play_of(
                    clip.id, kind, asked.field, network, keys, clip.updated_at, embedded_in
                )
                return await self._database.record(play)
        except errors.ClipNotFound:
            raise ClipChangedError from None  # to read it again, and say what happened to it

    def _send(
        self,
        exchange: Exchange,
        clip: ClipRow,
        variant: Variant | None,
        given: Answer,
        audio: OpenAudio,
        play: Recorded | None,
    ) -> Reply:
        """Return the reply that sends the answer, and at its end records how it ended."""
        headers, part = tuple(given.headers.items()), given.part
        _notice(clip, variant, audio)
        meter = StreamMeter(exchange.began)
        if part is None or given.handed_over:
            audio.close()
            begin(meter, given, play, None, exchange.notes)
            return whole_reply(given.status, headers, given.body)
        reply: FileReply | StreamedReply
        if audio.whole:
            reply = FileReply(given.status, headers, audio.file, part.start, part.length)
        else:
            reply = StreamedReply(given.status, headers, _follow(audio, part), part.length)
        end = begin(meter, given, play, reply, exchange.notes)

        def on_end() -> None:
            if audio.topic:  # its download may have been in progress
                _notice(clip, variant, audio)
            audio.close()
            end()

        reply.on_end = on_end
        return reply


def is_stream(exchange: Exchange) -> bool:
    """Return whether a request is for a stream."""
    return exchange.request.method in METHODS and PATH.fullmatch(exchange.path) is not None


def _notice(clip: ClipRow, variant: Variant | None, audio: OpenAudio) -> None:
    """Let the clip be analysed again if its audio has changed."""
    if variant is None:
        notices.compare(clip.id, audio, clip.audio_etag)


def count(exchange: Exchange, status: int, error: Exception | None) -> None:
    """Count a request for a stream, and the error that it caused."""
    request = exchange.request
    if error is not None and request.method == "GET":  # a HEAD request is not a failed stream
        count_refusal(error)
    seconds = time.perf_counter() - exchange.began
    http_requests.count(ROUTE, scheme(request), request.method, status, seconds)


def _asked(exchange: Exchange) -> StreamRequest:
    download = exchange.query and is_download(parse_qs(exchange.query).get("download", [""])[-1])
    request = exchange.request
    return StreamRequest(request.method, partial(joined, request), bool(download))


async def _follow(audio: OpenAudio, part: ByteRange) -> AsyncGenerator[bytes, None]:
    """Yield the part of a file that is still being downloaded, as it grows."""
    position = part.start
    while position < part.stop:
        available = await wait_grown(audio, position)
        data = os.pread(audio.fileno(), min(CHUNK, available, part.stop - position), position)
        position += len(data)
        yield data
