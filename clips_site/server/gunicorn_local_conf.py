"""gunicorn's configuration for `make run`, which also prepares the database and runs tasks.

The image and Kubernetes do all this in separate processes. Here the master does it, which saves
importing the application again for each.
"""

import sys
from typing import Any

from django.core.management import CommandError, call_command
from django.db import connection

from clips_site import static_files
from clips_site.server import gunicorn_conf
from clips_site.server.gunicorn_conf import *  # noqa: F403
from clips_site.server.task_process import task_process


def on_starting(server: Any) -> None:  # type: ignore[no-redef]
    """Do what `gunicorn_conf` does, then prepare everything that the workers need."""
    gunicorn_conf.on_starting(server)
    static_files.collect_if_changed()
    try:
        call_command("prepare", demo_editor=True, verbosity=0)
    except CommandError as error:
        sys.exit(str(error))
    connection.close()  # the workers must not share it


def when_ready(server: Any) -> None:  # type: ignore[no-redef]
    """Do what `gunicorn_conf` does, and start the worker of tasks."""
    gunicorn_conf.when_ready(server)
    task_process.supervise(server)


def on_exit(server: Any) -> None:  # type: ignore[no-redef]
    """Stop the worker of tasks, and do what `gunicorn_conf` does."""
    task_process.stop()
    gunicorn_conf.on_exit(server)
