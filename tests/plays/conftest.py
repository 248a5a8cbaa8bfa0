"""A database without tables, for tests of migrations."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

Run = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def scratch_database(
    django_db_setup: None, django_db_blocker: Any
) -> Iterator[BaseDatabaseWrapper]:
    """Create a database for this module, so that the tests' database stays as it is."""
    name = f"{connection.settings_dict['NAME']}_scratch"
    other = connection.copy(alias="scratch")
    other.settings_dict["NAME"] = name
    connections["scratch"] = other
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")
    yield other
    del connections["scratch"]
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name}")


@pytest.fixture
def scratch(
    transactional_db: None, scratch_database: BaseDatabaseWrapper
) -> Iterator[BaseDatabaseWrapper]:
    """Return the connection to a database without tables."""
    with scratch_database.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    yield scratch_database
    scratch_database.close()


@pytest.fixture
def run(scratch: BaseDatabaseWrapper) -> Run:
    """Return a function that runs SQL in the empty database."""

    def run(sql: str) -> list[tuple[Any, ...]]:
        with scratch.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

    return run


def migrate(scratch: BaseDatabaseWrapper, *names: str) -> None:
    for name in names:
        MigrationExecutor(scratch).migrate([("library", name)])
