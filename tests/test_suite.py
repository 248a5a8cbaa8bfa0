"""The tests themselves: where they are, what they import, and what a unit test may not do."""

import re
import subprocess
import threading
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import connection, transaction

from library.models import Clip
from tests.conftest import LONG
from tests.support.database import await_blocked_transaction, empty_tables

TESTS = Path(__file__).parent
ROOT = TESTS.parent
MODULES = sorted(TESTS.rglob("test_*.py"))


def test_no_test_module_imports_another() -> None:
    """What they share is in tests/support or in a conftest.py."""
    pattern = r"^\s*(from|import) tests(\.\w+)*(\.test_| import .*\btest_)"
    imports = re.compile(pattern, re.MULTILINE)
    importing = [str(module.relative_to(ROOT)) for module in MODULES]
    assert [name for name in importing if imports.search((ROOT / name).read_text())] == []


def test_folder_has_the_name_of_what_it_tests() -> None:
    rooms = {
        path.stem
        for parent in (ROOT, ROOT / "clips_site", ROOT / "library")
        for path in parent.iterdir()
    }
    folders = {path.name for path in TESTS.iterdir() if list(path.glob("*.py"))}
    assert folders - rooms == {"clients", "support"}


def test_files_that_run_first_exist() -> None:
    assert set(LONG) <= {module.stem for module in MODULES}


def test_unit_tests_are_found(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("unit")


def test_unit_test_cannot_use_the_database() -> None:
    with pytest.raises(RuntimeError, match="use the fixture db"):
        Clip.objects.exists()


def test_unit_test_cannot_start_a_process() -> None:
    with pytest.raises(RuntimeError, match="mark it with"):
        subprocess.run(["true"])


def test_unit_test_cannot_use_the_collected_static_files() -> None:
    with pytest.raises(RuntimeError, match="use the fixture static_files"):
        staticfiles_storage.url("library/icon.svg")


def test_tables_are_emptied_in_spite_of_a_deadlock(transactional_db: None) -> None:
    locked = threading.Event()

    def write() -> None:
        """Lock the table that is emptied last, and then the one that is emptied first."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL deadlock_timeout = '1min'")  # the other one is ended
            cursor.execute("LOCK otp_totp_totpdevice IN SHARE MODE")
            locked.set()
            await_blocked_transaction()
            cursor.execute("LOCK auth_group IN SHARE MODE")
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    assert locked.wait(20)
    empty_tables()
    writer.join()
