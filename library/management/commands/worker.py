"""Execute tasks, until it is stopped."""

import asyncio
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from procrastinate.contrib.django import app

from library.management.commands.check_sources import positive
from library.tasks.worker import TaskWorker, Timing


class Command(BaseCommand):
    """Run any number of them, on any number of machines."""

    help = (
        "Execute the tasks of the queue, and put periodic tasks into it. SIGTERM or Ctrl-C stops "
        f"it: running tasks get {Timing.grace:.0f} seconds to finish; the others run again later."
    )
    requires_system_checks = ()  # like gunicorn, it starts without them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--queues",
            nargs="+",
            metavar="QUEUE",
            help="Only take tasks of these queues.",
        )
        parser.add_argument(
            "--concurrency",
            type=positive,
            default=settings.CLIPS_WORKER_CONCURRENCY,
            help="Tasks at a time (CLIPS_WORKER_CONCURRENCY, %(default)s).",
        )
        parser.add_argument(
            "--alive-file", type=Path, help="Touch this file every 2 s, for a health check."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        app.perform_import_paths()
        tasks = app.tasks.values()
        known = {task.queue for task in tasks if task.func.__module__.startswith("library.")}
        if unknown := set(options["queues"] or ()) - known:
            wrong, right = (", ".join(sorted(names)) for names in (unknown, known))
            raise CommandError(f"Unknown queue: {wrong}. There are {right}.")
        names = ("queues", "concurrency", "alive_file")
        asyncio.run(TaskWorker(**{name: options[name] for name in names}).run())
