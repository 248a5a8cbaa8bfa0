"""Django database engine: PostgreSQL, measured, its pool emptied once the server was restarted."""

from typing import Any

import psycopg
from django_prometheus.db.backends.postgresql import base
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]
    """Use it without `CONN_HEALTH_CHECKS`: it does better what that asks the pool to do."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that works.

        Where one of the pool is broken the server was restarted, and so are all the others that lie
        there. The pool's own check would find that out one by one, with a pause of a second or two
        after each, and with more than two of them in a row the request fails.
        """
        connection = super().get_new_connection(conn_params)
        if self.pool is None:
            return connection
        try:
            ConnectionPool.check_connection(connection)
        except psycopg.Error:
            self.pool.drain()
            self.pool.putconn(connection)
            connection = super().get_new_connection(conn_params)
        return connection
