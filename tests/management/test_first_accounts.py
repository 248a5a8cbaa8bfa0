"""The first accounts, and the lines about them: a password only while it is valid."""

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from library.management.first_accounts import create_first_accounts, password_file
from tests.support.editors import chief

EDITOR = "Editor: editor, password editor"
ADMINISTRATOR = r"Administrator: admin, password ([a-z2-9]{4}(-[a-z2-9]{4}){3}) \(also in (.+)\)"


@pytest.fixture(autouse=True)
def _own_machine(db: None, settings: Settings, tmp_path: Path) -> None:
    settings.LOCAL_DIR = tmp_path
    settings.LOOPBACK, settings.CLIPS_HTTPS, settings.CLIPS_TRUSTED_PROXIES = True, False, 0


def user(name: str) -> User:
    return User.objects.get(username=name)


def test_editor_is_in_the_group_of_editors_and_no_superuser() -> None:
    assert create_first_accounts()[0] == EDITOR
    assert (user("editor").is_staff, user("editor").is_superuser) == (True, False)
    assert [group.name for group in user("editor").groups.all()] == ["Editors"]
    assert user("editor").has_perm("library.change_clip")
    assert not user("editor").has_perm("auth.add_user")


def test_administrator_has_a_generated_password() -> None:
    found = re.fullmatch(ADMINISTRATOR, create_first_accounts()[1])
    assert found
    assert user("admin").is_superuser
    assert user("admin").check_password(found[1])
    assert Path(found[3]).read_text().strip() == found[1]


def test_only_the_owner_can_read_the_password() -> None:
    create_first_accounts()
    assert password_file().stat().st_mode & 0o777 == 0o600


def test_later_starts_refer_to_the_file() -> None:
    create_first_accounts()
    later = [EDITOR, f"Administrator: admin, password in {password_file()}"]
    assert create_first_accounts() == later


@pytest.mark.parametrize(("name", "left"), [("editor", "Administrator"), ("admin", "Editor")])
def test_changed_password_is_not_shown(name: str, left: str) -> None:
    create_first_accounts()
    changed = user(name)
    changed.set_password("another one")
    changed.save()
    assert [line.partition(":")[0] for line in create_first_accounts()] == [left]


@pytest.mark.parametrize("attribute", ["is_active", "is_staff"])
def test_account_that_cannot_log_in_is_not_shown(attribute: str) -> None:
    create_first_accounts()
    User.objects.update(**{attribute: False})
    assert create_first_accounts() == []


def test_existing_users_stay_alone() -> None:
    chief()
    assert create_first_accounts() == []
    assert User.objects.count() == 1


def test_superuser_of_an_older_version_stays_as_it_is() -> None:
    User.objects.create_superuser("editor", password="editor")
    assert create_first_accounts() == [EDITOR]
    assert user("editor").is_superuser
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("setting", "value"),
    [("LOOPBACK", False), ("CLIPS_HTTPS", True), ("CLIPS_TRUSTED_PROXIES", 1)],
)
def test_others_who_reach_the_service_get_no_known_password(
    settings: Settings, setting: str, value: object
) -> None:
    setattr(settings, setting, value)
    assert create_first_accounts() == [f"Administrator: admin, password in {password_file()}"]
    assert not User.objects.filter(username="editor").exists()


def test_known_password_is_a_warning_once_others_can_reach_the_service(settings: Settings) -> None:
    create_first_accounts()
    settings.LOOPBACK = False
    assert "Others may reach this service: change it" in create_first_accounts()[0]


def test_older_password_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "admin-password").write_text("of an earlier database")
    create_first_accounts()
    assert user("admin").check_password(password_file().read_text().strip())
