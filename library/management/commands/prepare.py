"""Prepare the database: migrations, the sample clips, the first accounts."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

from library.advisory_locks import LockHeldError, advisory_lock
from library.management.first_accounts import create_first_accounts
from library.models import Clip

LOCK = 0x436C697073  # "Clips"; any number that no other program uses


class Command(BaseCommand):
    """Runs at every start, on any number of machines at once: one prepares, the others wait."""

    help = "Migrate, load the sample clips into an empty library, and create the first accounts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--first-accounts",
            action="store_true",
            help="In an embedded database without users, create an administrator with a generated "
            "password, and an editor with a known one if only this machine can reach the service.",
        )
        parser.add_argument(
            "--wait",
            type=float,
            default=600.0,
            metavar="SECONDS",
            help="Wait this long for another process that prepares the database (%(default)g).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            connection.ensure_connection()
        except OperationalError as error:
            place = f"POSTGRES_SERVER={settings.POSTGRES_SERVER}, port {settings.POSTGRES_PORT}"
            if settings.EMBEDDED:
                place = "the embedded one"
            raise CommandError(f"PostgreSQL cannot be reached ({place}): {error}") from None
        try:
            with advisory_lock(LOCK, options["wait"], self._report_wait):
                self._prepare(options)
        except LockHeldError as error:
            raise CommandError(
                f"After {options['wait']:g} s, the database is still being prepared by {error}. "
                "If that is stuck, end it."
            ) from None

    def _report_wait(self, holder: str) -> None:
        self.stderr.write(f"Waiting: the database is being prepared by {holder}")

    def _prepare(self, options: dict[str, Any]) -> None:
        call_command("migrate", interactive=False, verbosity=options["verbosity"])
        if not Clip.objects.exists():
            call_command("loaddata", "clips", verbosity=options["verbosity"])
        if options["first_accounts"] and settings.EMBEDDED:
            for line in create_first_accounts():
                self.stdout.write(line)
        elif options["first_accounts"] and not User.objects.exists():
            self.stdout.write("Accounts: none. Create one with manage.py createsuperuser")
