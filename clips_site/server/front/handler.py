"""Answer requests: in the event loop where that is fast, otherwise through Django."""

from aiohttp.web import BaseRequest

from clips_site.server.front.database import Database
from clips_site.server.front.exchange import Exchange
from clips_site.server.front.kept_answers import KeptAnswers
from clips_site.server.front.reply import LostReply, Reply, json_reply
from clips_site.server.front.streams import Streams
from clips_site.server.front.wsgi import Application, BodyTooSlowError, Django
from clips_site.server.logs.access_lines import AccessLog
from clips_site.server.logs.request_ids import HEADER


class Handler:
    """Answers every request of a worker."""

    def __init__(self, application: Application, log: AccessLog | None) -> None:
        self._log = log
        self._django = Django(application)
        database = Database()
        self._streams = Streams(database)
        self._kept_answers = KeptAnswers(self._django, database)

    async def __call__(self, request: BaseRequest) -> Reply:
        exchange = Exchange(request)
        try:
            reply = await self._reply(exchange)
        except BodyTooSlowError:
            reply = json_reply(408, "request_timeout", "The request body arrived too slowly.")
            reply.headers = (*reply.headers, (HEADER, exchange.request_id))
            reply.keep_alive = False
        except ConnectionError:  # the client has left
            reply = LostReply()
        except BaseException:
            exchange.end(500, None, self._log)
            raise
        before_end = reply.on_end

        def end() -> None:
            before_end()
            exchange.end(reply.status, reply.sent, self._log)

        reply.on_begin, reply.on_end = exchange.note_first_byte, end
        return reply

    async def _reply(self, exchange: Exchange) -> Reply:
        return (
            await self._streams.reply(exchange)
            or await self._kept_answers.reply(exchange)
            or await self._django.reply(exchange)
        )
