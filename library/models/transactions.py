"""Limits of a single transaction."""

from django.db import connection


def allow_idle(seconds: float) -> None:
    """Let this transaction wait for the process for so long. Then PostgreSQL ends the connection.

    A frozen process or a machine that vanished keeps the transaction's locks no longer.
    """
    statement = "SELECT set_config('idle_in_transaction_session_timeout', %s, true)"
    with connection.cursor() as cursor:
        cursor.execute(statement, [str(round(seconds * 1000))])  # milliseconds
