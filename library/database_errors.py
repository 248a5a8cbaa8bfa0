"""The errors of PostgreSQL that pass by themselves, by SQLSTATE.

Each of them is answered with 503 and Retry-After; any other error is one of the service. Django's
classes can't decide this: an InternalError may be a read-only server as well as a bug.
Source: PostgreSQL's documentation, appendix A, "PostgreSQL Error Codes".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto

import psycopg
from django import db


class Fault(Enum):
    """Why PostgreSQL did not do what it was asked to."""

    UNAVAILABLE = auto()  # it can't be reached, is starting or stopping, or lacks resources
    READ_ONLY = auto()  # it is a standby, or it has been made read-only
    BUSY = auto()  # it rolled back, because of another transaction or a limit on time


# A key of two characters is the class of all states that begin with it.
FAULTS = {
    "08": Fault.UNAVAILABLE,  # connection exceptions; PgBouncer reports its own errors as 08P01
    "25006": Fault.READ_ONLY,  # read_only_sql_transaction
    "25P03": Fault.UNAVAILABLE,  # idle_in_transaction_session_timeout: the connection was ended
    "25P04": Fault.BUSY,  # transaction_timeout
    "40": Fault.BUSY,  # serialization failures, deadlocks, conflicts with recovery
    "53": Fault.UNAVAILABLE,  # disk full, out of memory, too many connections
    "55P03": Fault.BUSY,  # lock_not_available
    "57": Fault.UNAVAILABLE,  # shutdowns, crashes, starting up
    "57014": Fault.BUSY,  # query_canceled: by an operator, or by statement_timeout
    "58": Fault.UNAVAILABLE,  # errors of the system, such as I/O
}
_CONNECTION_ERRORS = (
    *(db.OperationalError, db.InterfaceError),
    *(psycopg.OperationalError, psycopg.InterfaceError),
)


def fault_of(error: BaseException | None) -> Fault | None:
    """Return the fault that an exception of Django or psycopg reports, or None for other errors."""
    cause = error.__cause__ if isinstance(error, db.Error) else error
    state = getattr(cause, "sqlstate", None) if isinstance(cause, psycopg.Error) else None
    if state is not None:
        return FAULTS.get(state) or FAULTS.get(state[:2])
    # Errors of the connection itself have no state.
    return Fault.UNAVAILABLE if isinstance(error, _CONNECTION_ERRORS) else None


@contextmanager
def unless_read_only() -> Iterator[None]:
    """Leave out a change that a request for reading makes on the side, such as the time of use.

    Don't use it inside a transaction: PostgreSQL refuses the rest of one that has failed.
    """
    try:
        yield
    except db.Error as error:
        if fault_of(error) is not Fault.READ_ONLY:
            raise


def first_line(error: BaseException) -> str:
    """Return the message of an error without the lines in which PostgreSQL quotes values."""
    return str(error).partition("\n")[0]
