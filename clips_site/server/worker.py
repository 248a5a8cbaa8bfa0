"""gunicorn's worker: an event loop that holds all connections, and a few threads for Django.

README.md lists the internals of gunicorn and aiohttp that this module uses.
"""

import asyncio
import logging
import os
import signal
import socket
from typing import TYPE_CHECKING

from aiohttp.web import ServerRunner
from gunicorn.workers.base import Worker as GunicornWorker

from clips_site import settings
from clips_site.server import descriptors
from clips_site.server.logs.access_lines import AccessLog

if TYPE_CHECKING:
    from clips_site.server.front.places import Places

STOP = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def _start_as_worker() -> None:
    for number in STOP:  # nothing is served until the worker installs its own handlers
        signal.signal(number, lambda *_: os._exit(0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)


# Until a worker installs its handlers, it has the master's, and a signal would be lost: the
# master would wait for `graceful_timeout` and then kill it. So signals are blocked in between.
# gunicorn's configuration is no place for this: it is executed again at each reload.
os.register_at_fork(
    before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, STOP),
    after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP),
    after_in_child=_start_as_worker,
)


class Worker(GunicornWorker):  # type: ignore[misc]
    """Serves with asyncio: see `front`."""

    def init_process(self) -> None:
        with descriptors.shortage_ends_worker(self.log):
            super().init_process()

    def init_signals(self) -> None:
        """Install the handlers. `run` replaces that of SIGTERM by one of the event loop.

        SIGINT (Ctrl-C) and SIGQUIT end the process at once. PostgreSQL rolls back a play that is
        being recorded; its audio has not been sent. SIGTERM is the graceful way: streams may end,
        for up to `graceful_timeout` seconds.
        """
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        for number in STOP:
            signal.signal(number, lambda *_: os._exit(0))
        signal.signal(signal.SIGUSR1, self.handle_usr1)
        signal.signal(signal.SIGABRT, self.handle_abort)
        signal.signal(signal.SIGWINCH, signal.SIG_IGN)

    def run(self) -> None:
        """Serve until SIGTERM, or until the master has gone."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        # gunicorn imports this module before Django is set up.
        from clips_site.server.front.client_counts import counted_client, counts
        from clips_site.server.front.connection import Front
        from clips_site.server.front.doorstep import Doorstep
        from clips_site.server.front.handler import Handler
        from clips_site.server.front.places import Patience, Places

        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        log = None
        if settings.ACCESS_LOG:
            level = logging.getLevelNamesMapping()[settings.LOG_LEVEL]
            log = AccessLog(settings.LOG_FORMAT, level)
        behind_proxy = settings.CLIPS_TRUSTED_PROXIES > 0  # then `Handler` counts requests
        places = Places(
            loop.time,
            Patience(idle=settings.CLIPS_KEEPALIVE_TIMEOUT, head=settings.CLIPS_HEAD_TIMEOUT),
            counts,
            capacity=descriptors.capacity(),
            per_client=0 if behind_proxy else settings.CLIENT_LIMIT,
            workers=settings.WEB_CONCURRENCY,
        )
        handler = Handler(self.wsgi, log)
        front = Front(handler, log, places, counted_client)
        watching = asyncio.create_task(_watch(places))
        # aiohttp waits twice for this long: for the handler of a request, then for its connection.
        runner = ServerRunner(front, shutdown_timeout=self.cfg.graceful_timeout * 0.45)
        await runner.setup()
        doorsteps = [Doorstep(_prepared(listener.sock), front) for listener in self.sockets]
        for doorstep in doorsteps:
            doorstep.open()
        try:
            while not stop.is_set() and self.ppid == os.getppid():
                self.notify()
                try:
                    await asyncio.wait_for(stop.wait(), timeout=1)
                except TimeoutError:
                    continue
            for doorstep in doorsteps:
                doorstep.close()
            handler.stop()
            stopping = asyncio.create_task(runner.cleanup())
            while not stopping.done():
                self.notify()
                await asyncio.wait((stopping,), timeout=1)
            await stopping
        finally:
            watching.cancel()
            self.alive = False


async def _watch(places: "Places") -> None:
    """Close the connections whose clients take too long, for ever."""
    while True:
        places.resize(descriptors.capacity())  # an operator may change the limit
        await asyncio.sleep(places.close_expired())


def _prepared(listener: socket.socket) -> socket.socket:
    """Return a listening socket whose connections the kernel ends if their clients take nothing.

    They inherit the limit: for so long a client may acknowledge nothing or keep its window shut.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT") and listener.family != socket.AF_UNIX:
        milliseconds = int(settings.CLIPS_STALL_TIMEOUT * 1000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    return listener
