"""Accept connections. One that sends nothing costs little more than its socket.

asyncio would make a transport, a protocol and a task for it at once, and the garbage collector
would have to look at all of them. Here a connection gets these when its first byte arrives.
"""

import asyncio
import logging
import socket
from contextlib import suppress
from functools import partial

from clips_site.server.front.connection import Front
from clips_site.server.front.places import Connections, Stage

logger = logging.getLogger(__name__)

PAUSE = 1.0  # seconds without accepting, after it failed for lack of descriptors or memory
GONE = (BlockingIOError, InterruptedError, ConnectionAbortedError)


class Doorstep:
    """A listening socket that all workers share."""

    def __init__(self, listener: socket.socket, front: Front) -> None:
        self._listener, self.front = listener, front
        self._loop = asyncio.get_running_loop()
        self._visitors: set[Visitor] = set()
        self._reopening: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[object]] = set()

    def open(self) -> None:
        """Accept connections from now on.

        One each time that the socket is readable: otherwise the first worker that wakes would take
        all that arrive together, while the others have nothing to do.
        """
        self._listener.setblocking(False)  # noqa: FBT003
        self._loop.add_reader(self._listener, self._accept)

    def close(self) -> None:
        """Accept no more, and close the connections that have sent nothing."""
        if self._reopening is not None:
            self._reopening.cancel()
        self._loop.remove_reader(self._listener)
        self._listener.close()
        for visitor in [*self._visitors]:
            visitor.give_way()

    def let_in(self, connection: socket.socket, visitor: "Visitor | None" = None) -> None:
        """Serve a connection whose first byte has arrived. It takes over the visitor's place."""
        make = partial(self.front, visitor)
        task = self._loop.create_task(self._loop.connect_accepted_socket(make, connection))
        self._tasks.add(task)

        def end(task: asyncio.Task[object]) -> None:
            self._tasks.discard(task)
            if task.cancelled() or (error := task.exception()) is None:
                return
            logger.warning("A connection could not be served: %s", error)
            connection.close()
            if visitor is not None:
                self.front.places.leave(visitor)

        task.add_done_callback(end)

    def stop_watching(self, visitor: "Visitor") -> None:
        """Wait no longer for the first byte."""
        self._loop.remove_reader(visitor.connection)
        self._visitors.discard(visitor)

    def _accept(self) -> None:
        try:
            connection, address = self._listener.accept()
        except GONE:  # another worker was faster, or the client has left
            return
        except OSError as error:
            logger.warning("No connection was accepted: %s", error.strerror)
            self._loop.remove_reader(self._listener)
            self._reopening = self._loop.call_later(PAUSE, self.open)
            return
        connection.setblocking(False)  # noqa: FBT003
        beginning = peek(connection)
        if beginning:
            self.let_in(connection)
            return
        if beginning is not None:
            connection.close()  # the client has left
            return
        visitor = Visitor(self, connection)
        self._visitors.add(visitor)
        self._loop.add_reader(connection, visitor.arrive)
        self.front.places.enter(visitor, self.front.client_of(address[0]) if address else None)


class Visitor:
    """A connection that has sent nothing."""

    __slots__ = (
        *("_doorstep", "_has_arrived", "connection"),
        *("client", "groups", "place", "since", "stage", "surplus"),  # see `places.Holder`
    )
    client: str | None
    groups: tuple[Connections, ...]
    place: int
    since: float
    stage: Stage
    surplus: bool

    def __init__(self, doorstep: Doorstep, connection: socket.socket) -> None:
        self._doorstep, self.connection = doorstep, connection
        self._has_arrived = False

    def arrive(self) -> None:
        """Be served, because the first byte or the end of the connection has arrived."""
        beginning = peek(self.connection)
        if beginning is None:
            return
        if not beginning:
            self.give_way()
            return
        self._has_arrived = True
        self._doorstep.stop_watching(self)
        self._doorstep.let_in(self.connection, self)

    def expire(self) -> bool:
        self.give_way()
        return True

    def give_way(self) -> None:
        if self._has_arrived:  # asyncio is about to serve it, and then notices its end
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._doorstep.stop_watching(self)
        self._doorstep.front.places.leave(self)
        self.connection.close()


def peek(connection: socket.socket) -> bytes | None:
    """Return the first byte that has arrived, empty if the client has left; None if none has."""
    try:
        return connection.recv(1, socket.MSG_PEEK)
    except (BlockingIOError, InterruptedError):
        return None
    except OSError:
        return b""
