"""gunicorn's configuration for `make run`, which also prepares the database and runs tasks.

The image and Kubernetes do all this in separate processes. Here forks of the master do it, which
saves importing the application again for each.
"""

import logging
import os
import sys
from contextlib import suppress
from typing import Any

from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from clips_site import static_files
from clips_site.server import gunicorn_conf
from clips_site.server.gunicorn_conf import *  # noqa: F403
from clips_site.server.task_process import task_process

logger = logging.getLogger(__name__)


def on_starting(server: Any) -> None:  # type: ignore[no-redef]
    """Do what `gunicorn_conf` does, then prepare everything that the workers need."""
    gunicorn_conf.on_starting(server)
    with suppress(OperationalError):  # which `prepare` reports
        connection.ensure_connection()  # an embedded PostgreSQL runs as long as the master
    connection.close()  # the forks must not share it
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os._exit(_prepare())
    if status := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        sys.exit(abs(status))


def _prepare() -> int:
    """Return the exit status. A fork does this: migrations take 30 MB that would stay allocated."""
    try:
        static_files.collect_if_changed()
        call_command("prepare", demo_editor=True, verbosity=0)
        connection.close()
        sys.stdout.flush()
    except CommandError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    except BaseException:
        logger.exception("The service could not be prepared")
        return 1
    return 0


def when_ready(server: Any) -> None:  # type: ignore[no-redef]
    """Do what `gunicorn_conf` does, and start the worker of tasks."""
    gunicorn_conf.when_ready(server)
    task_process.supervise(server)


def on_exit(server: Any) -> None:  # type: ignore[no-redef]
    """Stop the worker of tasks, and do what `gunicorn_conf` does."""
    task_process.stop()
    gunicorn_conf.on_exit(server)
