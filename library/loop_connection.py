"""An event loop's own connection to PostgreSQL, and calls that share it.

It does for coroutines what `direct_connection` and `batching` do for threads. A call that the loop
itself sends and receives takes half the CPU time of one that a thread makes for it.
"""

import asyncio
import select
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import psycopg
from django.db import Error as DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq.abc import PGconn

from library.database_outage import NoResponseError, outage
from library.direct_connection import Call, Outcome, Outcomes, open_wrapper, seconds_allowed

Item = TypeVar("Item")
Result = TypeVar("Result")


class LoopConnection:
    """Sends statements in libpq's pipeline mode, one group at a time, without blocking the loop."""

    def __init__(self, purpose: str = "loop", deadline: float | None = None) -> None:
        """Take the same arguments as `DirectConnection`."""
        self._purpose = purpose
        self._deadline = deadline
        self._wrapper: BaseDatabaseWrapper | None = None
        self._descriptor = -1  # of the socket; libpq closes it without notice
        self._pending: tuple[Outcomes, asyncio.Future[list[Outcome]]] | None = None

    async def run(self, *calls: Call) -> list[Outcome]:
        """Execute statements, each in a transaction of its own. Return the outcome of each.

        An outcome is the value of the first column of the first row, as text, or the statement's
        error. Raises psycopg.Error if the connection fails: then any number of the statements may
        have been executed.
        """
        outage.check()
        loop = asyncio.get_running_loop()
        pgconn = await self._usable(loop)
        received: asyncio.Future[list[Outcome]] = loop.create_future()
        self._pending = Outcomes(len(calls)), received
        expiry = loop.call_later(seconds_allowed(self._deadline), self._expire)
        try:
            for statement, parameters in calls:
                pgconn.send_query_params(statement, parameters)
                pgconn.pipeline_sync()
            if pgconn.flush():  # the socket does not take everything now
                loop.add_writer(self._descriptor, self._send_rest, loop, pgconn)
            return await received
        except BaseException:
            self.close()
            raise
        finally:
            self._pending = None
            expiry.cancel()

    def close(self) -> None:
        """Close the connection. The next statement opens another."""
        if self._wrapper is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._descriptor)
            loop.remove_writer(self._descriptor)
            self._wrapper.connection.close()
            self._wrapper = None

    async def _usable(self, loop: asyncio.AbstractEventLoop) -> PGconn:
        """Return the connection. Replace it if the server has closed it in the meantime."""
        if self._wrapper is not None:
            self._receive()  # notices, or the end
        if self._wrapper is None:
            try:
                self._wrapper = await asyncio.to_thread(open_wrapper, self._purpose)
            except DatabaseError as error:
                raise psycopg.OperationalError(*error.args) from error
            self._descriptor = self._wrapper.connection.pgconn.socket
            loop.add_reader(self._descriptor, self._receive)
        pgconn: PGconn = self._wrapper.connection.pgconn
        return pgconn

    def _send_rest(self, loop: asyncio.AbstractEventLoop, pgconn: PGconn) -> None:
        """Send more. It is the callback of the loop when the socket takes more."""
        try:
            if not pgconn.flush():
                loop.remove_writer(self._descriptor)
        except psycopg.OperationalError as error:
            self._fail(error)

    def _receive(self) -> None:
        """Read what has arrived. It is the callback of the loop when the socket is readable."""
        assert self._wrapper is not None  # noqa: S101 - the callback is removed with the connection
        pgconn: PGconn = self._wrapper.connection.pgconn
        try:
            while _is_readable(pgconn):
                pgconn.consume_input()
        except psycopg.OperationalError as error:
            self._fail(error)
            return
        if self._pending is not None:
            outcomes, received = self._pending
            if outcomes.take(pgconn) and not received.done():
                received.set_result(outcomes.found)

    def _expire(self) -> None:
        outage.suspect()
        self._fail(NoResponseError("PostgreSQL did not respond in time"))

    def _fail(self, error: psycopg.OperationalError) -> None:
        self.close()
        if self._pending is not None and not self._pending[1].done():
            self._pending[1].set_exception(error)


class LoopBatcher(Generic[Item, Result]):
    """Process items in groups: each call takes all items that are waiting.

    It belongs to one event loop. `library.batching` has the same for threads.
    """

    def __init__(
        self,
        function: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        pause: float = 0.0,
    ) -> None:
        """`function` gets a group of items. It returns a result for each, or raises for all.

        `pause` is in seconds: before a call that follows one for several items, it lets more items
        arrive, so that busy times need fewer calls. PostgreSQL's commit_delay does the same.
        """
        self._function = function
        self._pause = pause
        self._last_size = 0
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._working: asyncio.Task[None] | None = None

    def submit(self, item: Item) -> "asyncio.Future[Result]":
        """Return the future result of the item, or of the exception of its group's call."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        if self._working is None:
            # The task starts after the other callbacks of this turn of the loop, whose items join.
            self._working = loop.create_task(self._work())
        return future

    async def _work(self) -> None:
        try:
            while self._waiting:
                if self._pause and self._last_size > 1:
                    await asyncio.sleep(self._pause)
                group, self._waiting = self._waiting, []
                self._last_size = len(group)
                await self._process(group)
        finally:
            self._working = None

    async def _process(self, group: "list[tuple[Item, asyncio.Future[Result]]]") -> None:
        try:
            results = await self._function([item for item, _ in group])
        except Exception as error:
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), result in zip(group, results, strict=True):
                if not future.done():
                    future.set_result(result)


def _is_readable(pgconn: PGconn) -> bool:
    poll = select.poll()
    poll.register(pgconn.socket, select.POLLIN)
    return bool(poll.poll(0))
