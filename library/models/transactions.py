"""Limits of a single transaction, and the wait for the disk after one."""

from django.db import connection

# A transaction with only a record in the write-ahead log, committed as durably as PostgreSQL is
# configured to. The log is written in order, so everything before this record is durable as well.
FLUSH = "SELECT pg_logical_emit_message(true, 'clips', '')"


def allow_idle(seconds: float) -> None:
    """Let this transaction wait for the process for so long. Then PostgreSQL ends the connection.

    A frozen process or a machine that vanished keeps the transaction's locks no longer.
    """
    statement = "SELECT set_config('idle_in_transaction_session_timeout', %s, true)"
    with connection.cursor() as cursor:
        cursor.execute(statement, [str(round(seconds * 1000))])  # milliseconds
