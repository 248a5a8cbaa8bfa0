"""Rows of statements written in SQL; Django would compile its own for each request."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

Row = dict[str, Any]


def read(
    statement: str, values: Sequence[Any] | Mapping[str, Any] = (), *, prepared: bool = False
) -> list[Row]:
    """Return the rows of a statement; `%s` stands for each value.

    PostgreSQL plans a `prepared` statement once for all values. Do not prepare one whose best plan
    depends on its values, such as a filter by a genre that few or most clips have.
    """
    database: Any = connection  # clips_site/database/postgresql/base.py
    rows: list[Row] = database.read(statement, values, prepared=prepared)
    return rows
