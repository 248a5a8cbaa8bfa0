"""People of the back office, the tokens of their programs and the codes of their authenticators."""

from typing import Any

from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission, User
from django_otp.oath import TOTP

from library.access import second_factor
from library.access.groups import create_groups
from library.models import ApiToken
from tests.support.recipes import staff_member, superuser


def editor(name: str = "editor", *permissions: str) -> User:
    """Make a staff member with these permissions, such as `change_clip`; by default all on clips.

    The password is the name.
    """
    codenames = permissions or ("add_clip", "change_clip", "delete_clip")
    return staff_member.make(
        username=name,
        password=make_password(name),
        user_permissions=Permission.objects.filter(codename__in=codenames),
    )


def member(group: str) -> User:
    """Make a staff member of a group. Name and password are the group's name in lower case.

    The group is created if needed: tests that truncate the tables lose those of the migration.
    """
    create_groups(apps)
    name = group.lower()
    return staff_member.make(
        username=name, password=make_password(name), groups=Group.objects.filter(name=group)
    )


def chief() -> User:
    """Make a superuser without a password."""
    return superuser.make()


def bearer(user: User, token_name: str = "tests") -> dict[str, str]:
    """Issue a token to the user; return the header that a program sends."""
    return {"Authorization": f"Bearer {ApiToken.objects.issue(user, token_name)}"}


def enrolled(user: User) -> list[str]:
    """Enrol an authenticator for the user; return the recovery codes."""
    return second_factor.enrol(user, code(second_factor.offer(user)))


def code(device: Any, ahead: int = 0) -> str:
    """Return the code of an authenticator, `ahead` half-minutes from now. Each code works once."""
    return f"{TOTP(device.bin_key, drift=device.drift + ahead).token():06}"
