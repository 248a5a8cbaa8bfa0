"""Make, list and revoke the tokens with which machines write."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from library.models import ApiToken


class Command(BaseCommand):
    """`create`, `list`, `revoke`."""

    help = "Make, list and revoke tokens, which are sent as `Authorization: Bearer <token>`."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the actions."""
        actions = parser.add_subparsers(dest="action", required=True)
        for action, told in (
            ("create", "Make a token, and show it this once."),
            ("revoke", "End a token at once."),
        ):
            added = actions.add_parser(action, help=told)
            added.add_argument("user", help="The user in whose name it writes.")
            added.add_argument("name", help="What uses it.")
        actions.add_parser("list", help="Show the tokens in force, without their secrets.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked."""
        getattr(self, f"_{options['action']}")(options)

    def _create(self, options: dict[str, Any]) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['user']}.")
        try:
            secret = ApiToken.objects.issue(user, options["name"])
        except IntegrityError:
            raise CommandError(f"{user} has a token {options['name']}: revoke it first.") from None
        if not user.has_perm("library.change_clip"):
            self.stderr.write(f"Note that {user} has no permission to change clips.")
        self.stdout.write(secret)

    def _list(self, options: dict[str, Any]) -> None:
        for token in ApiToken.objects.in_force().select_related("user"):
            used = f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never used"
            made = f"{token.created_at:%Y-%m-%d %H:%M}"
            self.stdout.write(f"{token.user}  {token.name}  made {made}  {used}")

    def _revoke(self, options: dict[str, Any]) -> None:
        tokens = ApiToken.objects.filter(revoked_at=None, user__username=options["user"])
        token = tokens.filter(name=options["name"]).first()
        if token is None:
            raise CommandError(f"{options['user']} has no token {options['name']} in force.")
        token.revoke()
