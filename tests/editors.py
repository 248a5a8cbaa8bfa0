"""Editors who use the API: with a token, or with the session of the back office."""

from django.contrib.auth.models import Permission, User

from library.models import ApiToken


def editor(name: str = "editor", *permissions: str) -> User:
    """A user of the back office who may do what is named, such as `change_clip`; by default all."""
    user = User.objects.create_user(name, is_staff=True)  # a password takes half a second
    named = permissions or ("add_clip", "change_clip", "delete_clip")
    user.user_permissions.set(Permission.objects.filter(codename__in=named))
    return user


def bearer(user: User, token_name: str = "tests") -> dict[str, str]:
    """The header of a machine with a new token of the user's."""
    return {"Authorization": f"Bearer {ApiToken.objects.issue(user, token_name)}"}


def chief() -> User:
    """An editor who may do all, and logs in by no password, which would take long to hash."""
    return User.objects.create(username="chief", is_staff=True, is_superuser=True)
