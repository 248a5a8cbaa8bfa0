"""Django database engine: PostgreSQL with metrics and a pool that survives a restarted server."""

import time
from functools import cache
from typing import Any

from django.db.backends.postgresql import base
from django_prometheus import db as metrics
from psycopg.pq import ExecStatus

from library.telemetry.instruments import observer


@cache
def measured(cursor_class: type[base.Cursor], alias: str, vendor: str) -> type[base.Cursor]:
    """Return a cursor class that counts and times statements, under django-prometheus's names.

    django-prometheus's own wrapper makes such a class for each connection that it takes from the
    pool, and looks up each instrument for each statement. That costs more than all other metrics.
    """
    statements = metrics.execute_total.labels(alias, vendor)
    many = metrics.execute_many_total.labels(alias, vendor)
    duration = metrics.query_duration_seconds.labels(alias, vendor)
    observe = observer(duration, statements)

    def count_error(error: Exception) -> None:
        metrics.errors_total.labels(alias, vendor, type(error).__name__).inc()

    class MeasuredCursor(cursor_class):  # type: ignore[misc,valid-type]
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


class DatabaseWrapper(base.DatabaseWrapper):
    """Replaces `CONN_HEALTH_CHECKS`, which must stay off, with a better check."""

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        params["cursor_factory"] = measured(params["cursor_factory"], self.alias, self.vendor)
        return params

    def _configure_connection(self, connection: Any) -> Any:
        """Count new connections, not each one that the pool hands out."""
        metrics.connections_total.labels(self.alias, self.vendor).inc()
        return super()._configure_connection(connection)  # type: ignore[misc]

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection that works.

        If one connection of the pool is broken, the server was restarted, and all idle ones are
        broken. The pool's own check would find this out one by one, with a pause of a second or two
        after each. After more than two in a row the request fails.
        """
        try:
            connection = super().get_new_connection(conn_params)
            # The pool's own check would be measured as a statement, and takes five times as long.
            if self.pool and connection.pgconn.exec_(b"").status != ExecStatus.EMPTY_QUERY:
                self.pool.drain()
                self.pool.putconn(connection)
                connection = super().get_new_connection(conn_params)
        except Exception:
            metrics.connection_errors_total.labels(self.alias, self.vendor).inc()
            raise
        return connection
