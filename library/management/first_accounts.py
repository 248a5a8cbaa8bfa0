"""The accounts that `prepare --first-accounts` creates in a database that has none.

The administrator has a generated password, which this machine keeps in a file until someone deletes
it. The editor has a known password, for the first hour on one's own machine.
"""

import secrets
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import transaction

from library.access.groups import create_groups

EDITOR = EDITOR_PASSWORD = "editor"  # noqa: S105
ADMINISTRATOR = "admin"
# Without letters and digits that look alike.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def create_first_accounts() -> list[str]:
    """Create the accounts if there are no users. Return a line about each that can still log in.

    A password is in a line only while it is valid, and that of the administrator only once.
    """
    is_new = not User.objects.exists()
    if is_new:
        _create()
    return [*_about_editor(), *_about_administrator(is_new)]


def password_file() -> Path:
    """Return the path of the file with the administrator's first password."""
    return Path(settings.LOCAL_DIR) / "admin-password"


def only_this_machine() -> bool:
    """Return whether the settings leave no doubt that only this machine can reach the service."""
    is_behind_proxy = settings.CLIPS_TRUSTED_PROXIES or settings.CLIPS_HTTPS
    return settings.LOOPBACK and not is_behind_proxy


def _create() -> None:
    password = "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(4))
    path = password_file()
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(f"{password}\n")
    with transaction.atomic():
        User.objects.create_superuser(ADMINISTRATOR, password=password)
        if only_this_machine():
            editor = User.objects.create_user(EDITOR, password=EDITOR_PASSWORD, is_staff=True)
            create_groups(apps)  # unless the migration's group exists
            editor.groups.add(Group.objects.get(name="Editors"))


def _about_editor() -> list[str]:
    if not _can_log_in(EDITOR, EDITOR_PASSWORD):
        return []
    line = f"Editor: {EDITOR}, password {EDITOR_PASSWORD}"
    if not only_this_machine():
        line += ". Others may reach this service: change it with manage.py changepassword editor"
    return [line]


def _about_administrator(is_new: bool) -> list[str]:
    path = password_file()
    try:
        password = path.read_text().strip()
    except OSError:
        return []
    if not _can_log_in(ADMINISTRATOR, password):
        return []
    path = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    if is_new and only_this_machine():
        return [f"Administrator: {ADMINISTRATOR}, password {password} (also in {path})"]
    return [f"Administrator: {ADMINISTRATOR}, password in {path}"]


def _can_log_in(name: str, password: str) -> bool:
    user = User.objects.filter(username=name, is_active=True, is_staff=True).first()
    return user is not None and user.check_password(password)
