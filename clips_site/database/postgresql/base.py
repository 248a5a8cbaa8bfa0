"""Django database engine: PostgreSQL with metrics, deadlines and a cheap check of connections."""

import select
import time
from collections.abc import Mapping, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any, ClassVar, TypeVar

import psycopg
from django.db.backends.postgresql import base
from django.utils.asyncio import async_unsafe
from django_prometheus import db as metrics
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout
from psycopg.pq import Format, TransactionStatus
from psycopg.rows import dict_row

from clips_site.database.postgresql.sessions import sessions
from library.database_outage import SILENCE, outage
from library.telemetry.instruments import observer

Result = TypeVar("Result")


@cache
def measured(cursor_class: Any, alias: str, vendor: str) -> Any:
    """Return a cursor class that counts and times statements, under django-prometheus's names.

    django-prometheus's own wrapper looks up each instrument for each statement. That costs more
    than all other metrics.
    """
    statements = metrics.execute_total.labels(alias, vendor)
    many = metrics.execute_many_total.labels(alias, vendor)
    duration = metrics.query_duration_seconds.labels(alias, vendor)
    observe = observer(duration, statements)

    def count_error(error: Exception) -> None:
        metrics.errors_total.labels(alias, vendor, type(error).__name__).inc()

    class MeasuredCursor(cursor_class):  # type: ignore[misc]
        def execute(self, *args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return super().execute(*args, **kwargs)
            except Exception as error:
                count_error(error)
                raise
            finally:
                observe(time.perf_counter() - began)

        def executemany(self, query: Any, params_seq: Any, **kwargs: Any) -> None:
            rows = list(params_seq)
            statements.inc(len(rows))
            many.inc(len(rows))
            began = time.perf_counter()
            try:
                super().executemany(query, rows, **kwargs)
            except Exception as error:
                count_error(error)
                raise
            finally:
                duration.observe(time.perf_counter() - began)

    return MeasuredCursor


class Connection(psycopg.Connection[Any]):
    """A connection that closes itself if a statement takes longer than `deadline` seconds.

    A server that is frozen, or waits for its disk, neither answers nor closes its connections.
    Commands such as `migrate` have no deadline; the workers of the server set it.
    """

    deadline: float | None = None
    fails_in_outage = False  # at once, like all of Django's connections in a worker

    def wait(
        self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None
    ) -> Result:
        """Return the result of the exchange with the server, or raise OperationalError."""
        if timeout is not None or self.deadline is None:
            return super().wait(gen, interval, timeout)
        if self.fails_in_outage:
            outage.check()
        try:
            return super().wait(gen, interval, self.deadline)
        except _WaitTimeout:
            try:
                self.cancel_safe(timeout=SILENCE)  # the statement may only be slow
            except psycopg.Error:
                outage.suspect(SILENCE)
            self.close()
            raise psycopg.OperationalError(f"No response within {self.deadline} s") from None


class BinaryCursor(psycopg.Cursor[dict[str, Any]]):
    """A cursor whose parameters are bound by the server, and whose rows are binary dictionaries.

    Psycopg reads binary times several times as fast as Django's cursor reads their text.
    """

    prepared: ClassVar[bool] = False

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, row_factory=dict_row)
        self.format = Format.BINARY

    def execute(self, query: Any, params: Any = None) -> Any:  # type: ignore[override]
        super().execute(query, params, prepare=self.prepared)
        if self.prepared:  # psycopg keeps no text, but Django's log of queries shows it
            self._query: Any = SimpleNamespace(query=query.encode())
        return self


class PreparedCursor(BinaryCursor):
    """The same, with statements that each connection prepares once."""

    prepared = True


class DatabaseWrapper(base.DatabaseWrapper):
    """Keeps the connection of each thread; before a request uses it, `is_usable` checks it."""

    def read(
        self,
        statement: str,
        values: Sequence[Any] | Mapping[str, Any] = (),
        *,
        prepared: bool = False,
    ) -> list[dict[str, Any]]:
        """Return the rows of a statement; `%s` stands for each value.

        PostgreSQL plans a prepared statement once for all values, which saves half of the time of
        a short one. Use it only if the best plan does not depend on them.
        """
        self.close_if_health_check_failed()
        self.ensure_connection()
        cursor_class: Any = PreparedCursor if prepared else BinaryCursor
        cursor = measured(cursor_class, self.alias, self.vendor)(self.connection)
        with self._prepare_cursor(cursor) as wrapped:  # type: ignore[attr-defined]
            wrapped.execute(statement, values)
            rows: list[dict[str, Any]] = wrapped.fetchall()
        return rows

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        params["cursor_factory"] = measured(params["cursor_factory"], self.alias, self.vendor)
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection:
        """Connect, and count it."""
        began, is_worker = time.monotonic(), Connection.deadline is not None
        try:
            if is_worker:
                outage.check()
            connection = self._connect(conn_params)
        except Exception:
            metrics.connection_errors_total.labels(self.alias, self.vendor).inc()
            if is_worker and (silent_for := time.monotonic() - began) > SILENCE:
                outage.suspect(silent_for)
            raise
        connection.fails_in_outage = is_worker
        metrics.connections_total.labels(self.alias, self.vendor).inc()
        return connection

    def open_separate(self, **parameters: Any) -> Connection:
        """Return a new connection that commits each statement, for a purpose of its own.

        Neither Django nor the metrics know of it. `purpose` is a word for its name in PostgreSQL;
        other parameters are libpq's.
        """
        params = self.get_connection_params() | {
            "autocommit": True,
            "cursor_factory": psycopg.Cursor,
            "prepare_threshold": None,
        }
        return self._connect(params | parameters)

    @property
    def pooled(self) -> bool:
        """Whether a pooler may give each transaction to another session."""
        return sessions.pooled

    def async_parameters(self, purpose: str) -> dict[str, Any]:
        """Return the parameters of connections of psycopg's asynchronous API.

        `purpose` is a word for their name in PostgreSQL.
        """
        given = {"purpose": purpose, "prepare_threshold": None}
        params = sessions.parameters(self.get_connection_params() | given)
        del params["cursor_factory"], params["context"]  # of Django's connections
        return params

    def _connect(self, params: dict[str, Any]) -> Connection:
        """Connect, without the settings of sessions if a pooler refuses them."""
        try:
            connection = Connection.connect(**sessions.parameters(params))
        except psycopg.OperationalError as error:
            if not sessions.refused(error):
                raise
            connection = Connection.connect(**sessions.parameters(params))
        if sessions.pooled:  # the next transaction may get another session of the server
            connection.prepare_threshold = None
        return connection

    @async_unsafe
    def chunked_cursor(self) -> Any:
        """Return a cursor on the server, or an ordinary one if a pooler may change the session."""
        return self.cursor() if sessions.pooled else super().chunked_cursor()

    def is_usable(self) -> bool:
        """Return whether the connection is idle and open, without a round trip.

        A connection on which an unexpected error occurred is replaced, since its prepared
        statements may no longer fit the tables.

        A server sends nothing to an idle client until it shuts down or ends the connection. Then
        its last message, or the end of the stream, waits in the socket. Rarely the message is only
        a notice, and a working connection is replaced.
        """
        if self.connection is None or self.connection.closed or self.errors_occurred:
            return False
        server = self.connection.pgconn
        if server.transaction_status != TransactionStatus.IDLE:
            return False
        poll = select.poll()
        poll.register(server.socket, select.POLLIN)
        return not poll.poll(0)
