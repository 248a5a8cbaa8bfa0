"""Fixtures: a running service on the test database, origins, clips, real audio."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import requests
from django.contrib.auth.models import User
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import connection
from django.test import TransactionTestCase
from django.utils import timezone

from clips_site.static_files import collect_if_changed
from harness.origin import Origin
from harness.service import Server, free_port
from library.api.facets import kept_facets
from library.api.pagination import kept_counts
from library.models import Clip, ListenerKey
from library.pages import chips, matches
from tests.settings import LOCAL
from tests.support import recipes
from tests.support.database import empty_tables

if TYPE_CHECKING:  # the fixtures import Playwright when they need it, because that takes long
    from playwright.sync_api import Browser

    from tests.support.pages import Open

pytest_plugins = ["tests.support.unit"]
SAMPLES = Path(__file__).parent.parent / "fixtures" / "audio"


# Files that take long. They run first, because at the end the other processes would be idle.
LONG = (
    *(
        "test_killed_processes",
        "test_frozen",
        "test_metrics",
        "test_metrics_process",
        "test_schemathesis",
    ),
    *("test_prepare", "test_browser", "test_generated_clients", "test_monitoring_stack"),
    *("test_editors_path", "test_faults", "test_outcomes", "test_form_browser"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the long files first."""
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONG)))


def pytest_sessionstart() -> None:
    """Remove the files of an earlier run."""
    for folder in ("audio-store", "media"):
        shutil.rmtree(LOCAL / folder, ignore_errors=True)


@pytest.fixture(scope="session")
def static_files() -> None:
    """Collect the static files. The tests with a database have them, since most render pages.

    The manifest is read again: this process may have read it before another collected the files.
    """
    collect_if_changed()
    storage: Any = staticfiles_storage
    storage.hashed_files, storage.manifest_hash = storage.load_manifest()


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: Any, static_files: None
) -> Iterator[None]:
    """Create the test database, empty it after each test, and drop it at the end.

    Threads of this process keep connections, which would prevent dropping it.
    """
    with mock.patch.object(TransactionTestCase, "_fixture_teardown", staticmethod(empty_tables)):
        yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="session")
def shared_server(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One service for all tests that need no settings of their own."""
    with django_db_blocker.unblock():
        log = tmp_path_factory.mktemp("server") / "log"
        server = Server(log, CLIPS_METRICS_PORT=str(free_port()))
    yield server
    assert server.stop() == 0


@pytest.fixture
def server(shared_server: Server, emptied: None) -> Server:
    """The running service, with a database that is empty at first."""
    return shared_server


@pytest.fixture
def emptied(transactional_db: None) -> None:
    """An empty database with a constant listener key, for a service that outlives a test.

    Its processes keep the key in memory, so the key must be the same in each test.
    """
    today = timezone.now().astimezone(UTC).date()
    ListenerKey.objects.create(day=today, key=b"of all tests".ljust(32))


@pytest.fixture(autouse=True)
def _forget_counts() -> None:
    """Forget the counts of clips: after a rollback, the numbers of changes occur again."""
    kept_counts.clear()
    kept_facets.clear()
    matches.forget()
    chips.forget()


@pytest.fixture
def start_server(transactional_db: None, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start a service with the given settings; it stops at the end of the test."""
    started: list[Server] = []

    def start(**environment: str) -> Server:
        started.append(Server(tmp_path / f"log{len(started)}", **environment))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def admin_user(db: None) -> User:
    """The superuser of `admin_client`, without a password, because hashing takes long."""
    return User.objects.create_superuser("admin")


@pytest.fixture
def make_clip(transactional_db: None) -> Callable[..., Clip]:
    """Make a clip of a sample's audio, or of an origin's if `audio_url` is given."""
    return recipes.make_clip


@pytest.fixture
def clip(make_clip: Callable[..., Clip]) -> Clip:
    """A clip whose audio is `mp3`."""
    return make_clip()


@pytest.fixture(scope="session")
def mp3() -> bytes:
    """The audio of a sample clip."""
    return (SAMPLES / "ambient-sounds.mp3").read_bytes()


@pytest.fixture
def origin() -> Iterator[Origin]:
    """An origin that the settings of the tests allow."""
    origin = Origin()
    yield origin
    origin.close()


@pytest.fixture
def http(server: Server) -> Iterator[Callable[..., requests.Response]]:
    """Send a request to the running service: `http("GET", "/livez")`."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers.clear()

        def send(method: str, path: str, **options: Any) -> requests.Response:
            return session.request(
                method, server.url + path, allow_redirects=False, timeout=30, **options
            )

        yield send


@pytest.fixture
def big_clip(make_clip: Callable[..., Clip], mp3: bytes) -> Clip:
    """A clip larger than the socket buffers, so that a slow listener keeps its stream running."""
    folder = LOCAL / "media" / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "big.mp3").write_bytes(mp3 * 40)
    return make_clip(audio_file="uploads/big.mp3")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for tests that are skipped where it is missing."""
    from harness.chromium import running_browser

    with running_browser() as browser:
        yield browser


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator[Open]:
    """Open a page of the running service: `open_page("/admin/", chief(), width=360)`."""
    from tests.support.pages import opening

    with opening(browser, server) as open_page:
        yield open_page
