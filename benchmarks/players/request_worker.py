"""A gunicorn worker that writes ranges and conditional fields, which the service does not log."""

import sys
import time

from aiohttp.web import BaseRequest

from benchmarks.players.request_log import CONDITIONS, MARK
from clips_site.server.front.reply import Reply
from clips_site.server.worker import Worker


class RequestWorker(Worker):
    """The service's worker. It also writes a line for each request, its fields between tabs."""

    def run(self) -> None:
        from clips_site.server.front.handler import Handler  # now that Django is set up

        answer = Handler.__call__

        async def answer_and_write(handler: Handler, request: BaseRequest) -> Reply:
            began = time.monotonic()
            reply = await answer(handler, request)
            sent = request.headers
            fields = (
                began,
                request.path,
                request.method,
                sent.get("Range", ""),
                " ".join(name for name in CONDITIONS if name in sent),
                reply.status,
            )
            sys.stdout.write(MARK + "\t".join(map(str, fields)) + "\n")
            sys.stdout.flush()
            return reply

        Handler.__call__ = answer_and_write  # type: ignore[method-assign,assignment]
        super().run()
