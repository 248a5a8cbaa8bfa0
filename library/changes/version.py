"""The library's version, and the number of its clips, without reading the clips.

Triggers on the table of clips count every change (migration 0022), whether the service or an
operator makes it. docs/decisions/0016-changes-numbered-at-commit.md says how.
"""

from typing import NamedTuple

import orjson
from django.db import connection

from library.direct_connection import Call

TOKEN: Call = (b"SELECT library_token()", ())


class Token(NamedTuple):
    """The version of everything that the public list shows.

    `available` is the number of clips that the public can list. An answer may be kept with the
    token that was read before the answer's rows, and is current as long as tokens are equal to it.
    Tokens of equal clips may differ, at least every 15 minutes.
    """

    changes: int
    available: int
    recent: int
    plays: int


def library_token() -> Token:
    """Return the current token. Raises django.db.Error."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT library_token()::text")
        return token_of(cursor.fetchone()[0])


def token_of(value: bytes | str) -> Token:
    """Return the token from the value of the statement TOKEN."""
    return Token(*orjson.loads(value))
