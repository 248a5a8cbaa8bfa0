"""gunicorn's configuration for `make run`: first collects static files and prepares the database.

The image and Kubernetes do both in separate processes. Here the master does them, which saves
importing the application again for each.
"""

import sys
from typing import Any

from django.core.management import CommandError, call_command
from django.db import connection

from clips_site import static_files
from clips_site.server import gunicorn_conf
from clips_site.server.gunicorn_conf import *  # noqa: F403


def on_starting(server: Any) -> None:  # type: ignore[no-redef]
    """Do what `gunicorn_conf` does, then prepare everything that the workers need."""
    gunicorn_conf.on_starting(server)
    static_files.collect_if_changed()
    try:
        call_command("prepare", demo_editor=True, verbosity=0)
    except CommandError as error:
        sys.exit(str(error))
    connection.close()  # the workers must not share it
