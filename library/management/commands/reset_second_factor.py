"""Take away what a user has lost: for an operator with a shell, when no administrator gets in."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from library.access import second_factor


class Command(BaseCommand):
    """What the page of users does too, for all but oneself."""

    help = "Remove a user's authenticator and recovery codes: the password is enough again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the arguments."""
        parser.add_argument("user", help="The user's name.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say whether there was anything."""
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['user']}.")
        had = second_factor.remove(user)
        self.stdout.write(f"{user} has no second factor{' any more' if had else ''}.")
