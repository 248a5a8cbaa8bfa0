"""Create, list and revoke API tokens, with which programs write."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from library.models import ApiToken


class Command(BaseCommand):
    """The actions `create`, `list` and `revoke`."""

    help = "Create, list and revoke tokens, which are sent as `Authorization: Bearer <token>`."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        for action, description in (
            ("create", "Create a token and show it, this one time."),
            ("revoke", "Revoke a token at once."),
        ):
            subparser = actions.add_parser(action, help=description)
            subparser.add_argument("user", help="The user in whose name the token writes.")
            subparser.add_argument("name", help="The program that uses the token.")
        actions.add_parser("list", help="List the valid tokens, without their secrets.")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"_{options['action']}")(options)

    def _create(self, options: dict[str, Any]) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"The user {options['user']} does not exist.")
        if not (user.is_active and user.is_staff):
            raise CommandError(
                f"{user} cannot use tokens: the account must be active and have staff status."
            )
        try:
            secret = ApiToken.objects.issue(user, options["name"])
        except IntegrityError:
            raise CommandError(
                f"{user} already has a token {options['name']}: revoke it first."
            ) from None
        if not user.has_perm("library.change_clip"):
            self.stderr.write(f"Warning: {user} does not have the permission to change clips.")
        self.stdout.write(secret)

    def _list(self, options: dict[str, Any]) -> None:
        for token in ApiToken.objects.in_force().select_related("user"):
            last = token.last_used_at
            used = f"used {last:%Y-%m-%d %H:%M}" if last else "never used"
            created = f"{token.created_at:%Y-%m-%d %H:%M}"
            self.stdout.write(f"{token.user}  {token.name}  created {created}  {used}")

    def _revoke(self, options: dict[str, Any]) -> None:
        tokens = ApiToken.objects.filter(revoked_at=None, user__username=options["user"])
        token = tokens.filter(name=options["name"]).first()
        if token is None:
            raise CommandError(f"{options['user']} has no valid token {options['name']}.")
        token.revoke()
