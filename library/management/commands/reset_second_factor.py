"""Remove a user's lost second factor, for operators when no administrator can log in."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from library.access import second_factor


class Command(BaseCommand):
    """Does the same as the page of users, which refuses it for one's own account."""

    help = "Remove a user's authenticator and recovery codes, so that the password is enough."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="The user name.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"The user {options['user']} does not exist.")
        had = second_factor.remove(user)
        self.stdout.write(f"{user} has no second factor{' any more' if had else ''}.")
