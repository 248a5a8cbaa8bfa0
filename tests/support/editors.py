"""Editors who use the API: with a token, or with the session of the back office."""

from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django_otp.oath import TOTP

from library.access import second_factor
from library.access.groups import create_groups
from library.models import ApiToken


def editor(name: str = "editor", *permissions: str) -> User:
    """A user of the back office who may do what is named, such as `change_clip`; by default all."""
    user = User.objects.create_user(name, password=name, is_staff=True)
    named = permissions or ("add_clip", "change_clip", "delete_clip")
    user.user_permissions.set(Permission.objects.filter(codename__in=named))
    return user


def bearer(user: User, token_name: str = "tests") -> dict[str, str]:
    """The header of a machine with a new token of the user's."""
    return {"Authorization": f"Bearer {ApiToken.objects.issue(user, token_name)}"}


def chief() -> User:
    """An editor who may do all, and logs in by no password."""
    return User.objects.create(username="chief", is_staff=True, is_superuser=True)


def member(group: str) -> User:
    """Return a user of the back office in a group, named like it.

    The group is created if needed: tests that truncate the tables lose those of the migration.
    """
    create_groups(apps)
    user = User.objects.create_user(group.lower(), password=group.lower(), is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


def enrolled(user: User) -> list[str]:
    """Enrol an authenticator for the user; returns the recovery codes."""
    return second_factor.enrol(user, code(second_factor.offer(user)))


def code(device: Any, ahead: int = 0) -> str:
    """What an authenticator shows now, or after so many times half a minute: each works once."""
    return f"{TOTP(device.bin_key, drift=device.drift + ahead).token():06}"
