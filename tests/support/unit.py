"""Marks the unit tests: those that need no database, no static files, no browser, no process.

The mark is derived from a test's fixtures and marks, so every test that qualifies is in the set. A
unit test that connects to the database or starts a process fails.
"""

import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

import pytest
from django.contrib.staticfiles.storage import ManifestFilesMixin
from django.db.backends.base.base import BaseDatabaseWrapper

# Fixtures and marks of the other tests (`skipif`: a program that the test runs may be missing).
FIXTURES = {"django_db_setup", "static_files", "browser", "certificate"}
MARKS = {"django_db", "processes", "skipif"}
REFUSED = (
    (BaseDatabaseWrapper, "cursor", "use the fixture db"),
    (subprocess.Popen, "__init__", "mark it with pytest.mark.processes"),
    (ManifestFilesMixin, "stored_name", "use the fixture static_files"),
)
FEWEST = 300  # unit tests in the suite; fewer are a sign that the mark is wrong


def is_unit_test(item: pytest.Item) -> bool:
    """Return whether a test needs only Python."""
    marks = {mark.name for mark in item.iter_markers()}
    fixtures = set(getattr(item, "fixturenames", ()))
    return not marks & MARKS and not fixtures & FIXTURES


@pytest.hookimpl(tryfirst=True)  # before `-m unit` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the unit tests."""
    for item in items:
        if is_unit_test(item):
            item.add_marker("unit")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fail `pytest -m unit` without paths if it selects too few tests."""
    config = session.config
    is_whole_suite = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if config.option.markexpr == "unit" and is_whole_suite and len(session.items) < FEWEST:
        raise pytest.UsageError(f"only {len(session.items)} unit tests, expected {FEWEST} or more")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """Refuse what a unit test may not do while its fixtures are set up.

    Their teardown is allowed everything: fixtures of the session end after the last test, which may
    be a unit test.
    """
    with _refusals(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Refuse what a unit test may not do."""
    with _refusals(item):
        return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the number of processes: none but this one where starting others takes longer."""
    files = {argument.partition("::")[0] for argument in config.args}
    is_one_file = len(files) == 1 and files.pop().endswith(".py")
    return 0 if is_one_file or config.option.markexpr == "unit" else 3


@contextmanager
def _refusals(item: pytest.Item) -> Iterator[None]:
    with ExitStack() as stack:
        if item.get_closest_marker("unit"):
            for owner, method, remedy in REFUSED:
                stack.enter_context(mock.patch.object(owner, method, _refuse(remedy)))
        yield


def _refuse(remedy: str) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError(f"A unit test may not do this: {remedy}")

    return refuse
