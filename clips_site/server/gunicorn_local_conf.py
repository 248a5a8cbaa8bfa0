"""gunicorn's configuration for `make run`, which also prepares the database and runs tasks.

The image and Kubernetes do all this in separate processes. Here forks of the master do it, which
saves importing the application again for each.
"""

import io
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from clips_site import static_files
from clips_site.server import greeting, gunicorn_conf, running
from clips_site.server.gunicorn_conf import *  # noqa: F403
from clips_site.server.task_process import task_process

logger = logging.getLogger(__name__)
settings = gunicorn_conf.settings  # which reports invalid ones
if "CLIPS_LOG_LEVEL" not in os.environ:  # only requests, warnings and errors below the box
    settings.LOGGING["root"]["level"] = "WARNING"

# Set if another process has opened the port for this one: gunicorn's last master, or systemd.
INHERITED = {"GUNICORN_PID", "LISTEN_PID"}

_claims: list[running.Claim] = []
_accounts: dict[str, str] = {}


def on_starting(server: Any) -> None:  # type: ignore[no-redef]
    """Do what `gunicorn_conf` does, then prepare everything that the workers need."""
    try:
        if not os.environ.keys() & INHERITED:
            _claims.append(running.Claim(settings.LOCAL_DIR, settings.HOST, settings.PORT))
        if not (settings.STATIC_ROOT / "staticfiles.json").exists():
            greeting.write("Preparing the database and the files of the pages")
        gunicorn_conf.on_starting(server)
    except (running.PortTakenError, psycopg.OperationalError) as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"The data folder {settings.LOCAL_DIR} cannot be used: {error}")
    with suppress(OperationalError):  # which `prepare` reports
        connection.ensure_connection()  # an embedded PostgreSQL runs as long as the master
    connection.close()  # the forks must not share it
    sys.stdout.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os._exit(_prepare(writing))
    os.close(writing)
    with open(reading) as accounts:
        for line in accounts:
            name, _, text = line.rstrip().partition(": ")
            _accounts[name] = text
    if status := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        sys.exit(abs(status))


def _prepare(accounts: int) -> int:
    """Return the exit status, and write the lines about accounts to a pipe.

    A fork does this: migrations take 30 MB that would stay allocated.
    """
    try:
        static_files.collect_if_changed()
        lines = io.StringIO()
        call_command("prepare", first_accounts=True, verbosity=0, stdout=lines)
        connection.close()
        os.write(accounts, lines.getvalue().encode())
        sys.stdout.flush()
    except (CommandError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    except BaseException:
        logger.exception("The service could not be prepared")
        return 1
    return 0


def when_ready(server: Any) -> None:  # type: ignore[no-redef]
    """Show where everything is, and start the metrics process and the worker of tasks."""
    has_port = running.is_free(settings.HOST, settings.CLIPS_METRICS_PORT or settings.PORT)
    gunicorn_conf.supervise(server)
    task_process.supervise(server)
    root = running.address(settings.HOST, settings.PORT)
    metrics = running.address(settings.HOST, settings.CLIPS_METRICS_PORT) if has_port else root
    editor = _accounts.get("Editor")
    greeting.show(
        {
            "Listen": f"{root}/",
            "API": f"{root}/docs",
            "Back office": f"{root}/admin/" + (f"  ({editor})" if editor else ""),
            "Metrics": f"{metrics}/metrics",
            "Stop": f"Ctrl-C  (the data stays in {_shown(settings.LOCAL_DIR)})",
        },
        *(f"{name}: {text}" for name, text in _accounts.items() if name != "Editor"),
    )


def _shown(path: Path) -> str:
    """Return the path, from the current directory if it is below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def on_exit(server: Any) -> None:  # type: ignore[no-redef]
    """Stop the worker of tasks, and do what `gunicorn_conf` does."""
    task_process.stop()
    gunicorn_conf.on_exit(server)
    for claim in _claims:
        claim.release()
