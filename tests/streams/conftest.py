"""Fixtures of the stream tests."""

from collections.abc import Iterator
from typing import Any

import pytest

from harness.service import Server

# The adapters of `library.streams`, each with the fixture of a service that uses it.
ADAPTERS = {"front": "shared_server", "wsgi": "wsgi_server"}


@pytest.fixture(scope="session")
def wsgi_server(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The service under a worker of gunicorn's own, which knows only WSGI."""
    options = {"GUNICORN_CMD_ARGS": "--worker-class gthread --threads 32"}
    with django_db_blocker.unblock():
        server = Server(tmp_path_factory.mktemp("wsgi") / "log", **options)
    yield server
    server.stop()


@pytest.fixture(params=ADAPTERS)
def server(request: pytest.FixtureRequest, emptied: None) -> Server:
    """The running service, with each adapter, and with a database that is empty at first."""
    server: Server = request.getfixturevalue(ADAPTERS[request.param])
    return server
