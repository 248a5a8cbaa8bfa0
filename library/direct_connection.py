"""A thread's own connection to PostgreSQL, for statements that are executed many times a second."""

import select
import threading
import time
from collections.abc import Sequence

import psycopg
from django.conf import settings
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn

from library.database_outage import NoResponseError, outage

# A statement, with parameters `$1`, and their values as text.
Call = tuple[bytes, Sequence[bytes]]
# The value of the first column of the first row, as text, or the statement's error. The value is
# empty if it is NULL or if there is no row.
Outcome = bytes | psycopg.Error


class DirectConnection(threading.local):
    """Sends statements in libpq's pipeline mode: together, so that all take one round trip.

    psycopg's cursors do the same for four times the CPU. Each thread that uses an instance has its
    own connection, opens it when needed, and keeps it. Use one instance in few threads.

    Statements are parsed each time, so that poolers such as PgBouncer may give each transaction to
    another session. Call functions in PL/pgSQL, whose sessions keep the plans of what they execute.
    """

    def __init__(self, purpose: str = "direct", deadline: float | None = None) -> None:
        """`purpose` is a word for the connection's name in PostgreSQL.

        `deadline` is in seconds: the longest time that PostgreSQL may take for all results. By
        default it is half of POSTGRES_DEADLINE.
        """
        self._purpose = purpose
        self._deadline = deadline
        self._wrapper: BaseDatabaseWrapper | None = None

    def run(self, *calls: Call) -> list[bytes]:
        """Execute statements, each in a transaction of its own. Return the value of each, as text.

        A value is the first column of the first row; it is empty if that is NULL or if there is no
        row. Raises the error of the first statement that failed; the others have been executed
        nonetheless. If the connection fails, any number of them may have been executed, so nothing
        is sent again.
        """
        outage.check()
        pgconn = self._usable()
        try:
            for statement, parameters in calls:
                pgconn.send_query_params(statement, parameters)
                pgconn.pipeline_sync()
            outcomes = self._outcomes(pgconn, len(calls))
        except BaseException:
            self.close()
            raise
        for outcome in outcomes:
            if isinstance(outcome, psycopg.Error):
                if isinstance(outcome, psycopg.errors.ReadOnlySqlTransaction):
                    self.close()  # this server is no longer the primary
                raise outcome
        return [outcome for outcome in outcomes if isinstance(outcome, bytes)]

    def close(self) -> None:
        """Close this thread's connection. The next statement opens another."""
        if self._wrapper is not None:
            self._wrapper.close()
            self._wrapper = None

    def _usable(self) -> PGconn:
        """Return the connection. Replace it if the server has closed it in the meantime."""
        if self._wrapper is not None:
            pgconn: PGconn = self._wrapper.connection.pgconn
            try:
                # Idle connections receive only notices, and the end if the server closes them.
                while _poll(pgconn, select.POLLIN, 0):
                    pgconn.consume_input()
            except psycopg.OperationalError:
                self.close()
            else:
                return pgconn
        self._wrapper = open_wrapper(self._purpose)
        opened: PGconn = self._wrapper.connection.pgconn
        return opened

    def _outcomes(self, pgconn: PGconn, number: int) -> list[Outcome]:
        """Send what is waiting to be sent. Return the outcome of each statement."""
        ends = time.monotonic() + seconds_allowed(self._deadline)
        outcomes = Outcomes(number)
        while not outcomes.take(pgconn):
            unsent = pgconn.flush()
            events = select.POLLIN | (select.POLLOUT if unsent else 0)
            if not _poll(pgconn, events, max(0, ends - time.monotonic())):
                outage.suspect()
                raise NoResponseError("PostgreSQL did not respond in time")
            pgconn.consume_input()
        return outcomes.found


class Outcomes:
    """The outcomes of statements, as their results arrive."""

    def __init__(self, number: int) -> None:
        self.found: list[Outcome] = []
        self._number = number
        self._last: Outcome = b""

    def take(self, pgconn: PGconn) -> bool:
        """Take the results that have arrived. Return whether all outcomes are known."""
        while len(self.found) < self._number:
            if pgconn.is_busy():
                return False
            result = pgconn.get_result()
            if result is None:  # the end of a statement
                continue
            if result.status == ExecStatus.PIPELINE_SYNC:  # its transaction is over
                self.found.append(self._last)
            elif result.status == ExecStatus.TUPLES_OK:
                self._last = result.get_value(0, 0) or b""
            elif result.status == ExecStatus.COMMAND_OK:
                self._last = b""
            else:
                self._last = error_from_result(result)
        return True


def seconds_allowed(deadline: float | None) -> float:
    """Return the deadline, or the default: these statements are short, and clients wait."""
    return settings.POSTGRES_DEADLINE / 2 if deadline is None else deadline


def open_wrapper(purpose: str) -> BaseDatabaseWrapper:
    """Return a new connection in pipeline mode. Its `pgconn` does not block."""
    wrapper = connection.copy()
    wrapper.settings_dict["OPTIONS"]["purpose"] = purpose
    wrapper.ensure_connection()
    pgconn = wrapper.connection.pgconn
    pgconn.nonblocking = 1
    pgconn.enter_pipeline_mode()
    return wrapper


def _poll(pgconn: PGconn, events: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(pgconn.socket, events)
    return bool(poll.poll(seconds * 1e3))
