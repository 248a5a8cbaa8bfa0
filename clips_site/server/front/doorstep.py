"""Accept connections. One that sends nothing costs little more than its socket.

asyncio would make a transport, a protocol and a task for it at once, and the garbage collector
would have to look at all of them. Here a connection gets these when its first byte arrives.
"""

import asyncio
import logging
import socket

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

    def let_in(self, connection: socket.socket, beginning: bytes) -> None:
        """Serve a connection, unless its client has left."""
        if not beginning:
            connection.close()
            return
        made = self._loop.connect_accepted_socket(self.front, connection)
        task = self._loop.create_task(made)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def leave(self, visitor: "Visitor") -> None:
        """Forget a connection that waited."""
        self._loop.remove_reader(visitor.connection)
        self._visitors.discard(visitor)
        self.front.places.leave(visitor)

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
        if (beginning := peek(connection)) is not None:
            self.let_in(connection, beginning)
            return
        visitor = Visitor(self, connection)
        self._visitors.add(visitor)
        self._loop.add_reader(connection, visitor.arrive)
        self.front.places.enter(visitor, self.front.client_of(address[0]) if address else None)


class Visitor:
    """A connection that has sent nothing."""

    __slots__ = ("_doorstep", "client", "connection", "groups", "since", "stage", "surplus")
    client: str | None  # see `places.Holder`
    groups: tuple[Connections, ...]
    since: float
    stage: Stage
    surplus: bool

    def __init__(self, doorstep: Doorstep, connection: socket.socket) -> None:
        self._doorstep, self.connection = doorstep, connection

    def arrive(self) -> None:
        """Be served, because the first byte or the end of the connection has arrived."""
        beginning = peek(self.connection)
        if beginning is not None:
            self._doorstep.leave(self)
            self._doorstep.let_in(self.connection, beginning)

    def expire(self) -> bool:
        self.give_way()
        return True

    def give_way(self) -> None:
        self._doorstep.leave(self)
        self.connection.close()


def peek(connection: socket.socket) -> bytes | None:
    """Return the first byte that has arrived, empty if the client has left; None if none has."""
    try:
        return connection.recv(1, socket.MSG_PEEK)
    except (BlockingIOError, InterruptedError):
        return None
    except OSError:
        return b""
