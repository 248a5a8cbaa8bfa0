"""gunicorn's configuration: `gunicorn --config clips_site/server/gunicorn_conf.py`.

The master imports the application and forks the workers from itself: they start at once and share
its memory. A reload (SIGHUP) therefore replaces the workers but not their code; restart the server
to run new code.
"""

import gc
import os
import sys
from importlib import import_module
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clips_site.settings")

from clips_site.environment import InvalidSettingsError

try:
    from clips_site import settings as settings
except InvalidSettingsError as error:
    sys.exit(str(error))
from clips_site.server import descriptors
from clips_site.server.metrics import slots
from clips_site.server.metrics.supervisor import metrics_process
from clips_site.server.running import address

wsgi_app = "clips_site.wsgi"
bind = f"{settings.HOST}:{settings.PORT}"
workers = settings.WEB_CONCURRENCY
worker_class = "clips_site.server.worker.Worker"
logger_class = "clips_site.server.gunicorn_logger.Logger"
descriptors.raise_limit()
backlog = 2048
timeout = 60
graceful_timeout = 30
control_socket_disable = True  # all servers of a user would share one in the home directory
proc_name = "clips"


def on_starting(server: Any) -> None:
    """Import the application once for all workers, and start the embedded database.

    The master holds the database until it exits, whatever happens to its workers.
    """
    import django

    django.setup()
    import_module(settings.ROOT_URLCONF)  # imports all views
    import_module("clips_site.server.front.handler")
    from library.plays.client_families import warm_up
    from library.sources.opening import audio_store

    warm_up(settings.LOCAL_DIR / "client-list.pickle")
    audio_store()  # reads the certificates, which takes longer than many downloads
    if settings.EMBEDDED:
        from clips_site.database.embedded.base import cluster

        cluster(settings.LOCAL_DIR / "postgres").attach(settings.POSTGRES_DB)


def when_ready(server: Any) -> None:
    """Log the addresses of the service, and start the metrics process."""
    root = address(settings.HOST, settings.PORT)
    server.log.info("Clips   %s/", root)
    server.log.info("API     %s/api/v1/clips", root)
    server.log.info("Docs    %s/docs", root)
    server.log.info("Admin   %s/admin/", root)
    metrics_port = settings.CLIPS_METRICS_PORT or settings.PORT
    server.log.info("Metrics %s/metrics", address(settings.HOST, metrics_port))
    supervise(server)


def supervise(server: Any) -> None:
    """Start the metrics process, and let the master survive a lack of descriptors."""
    if settings.CLIPS_METRICS_PORT:
        metrics_process.supervise(server)
    descriptors.survive_shortage(server)


def on_reload(server: Any) -> None:
    """Restart the metrics process together with the workers."""
    metrics_process.stop()


def pre_fork(server: Any, worker: Any) -> None:
    """Assign a slot to the worker. During a reload there are more workers than `workers`."""
    import_module(wsgi_app)  # with its middleware, once for all workers; static files exist by now
    gc.collect()
    gc.freeze()  # or each worker's first garbage collection would copy all the memory they share
    worker.slot = slots.assign({other.slot for other in server.WORKERS.values()})


def post_fork(server: Any, worker: Any) -> None:
    """Count in the worker's slot from now on, and limit how long a statement may take."""
    from clips_site.database.postgresql.base import Connection
    from clips_site.database.postgresql.sessions import sessions
    from clips_site.server.front.client_counts import counts

    with descriptors.shortage_ends_worker(worker.log):
        slots.use(worker.slot)
    counts.use(worker.slot)
    Connection.deadline = settings.POSTGRES_DEADLINE
    sessions.serve_requests()


def worker_exit(server: Any, worker: Any) -> None:
    """Record how the worker's last streams ended, and send the spans and errors still queued."""
    from library.plays.outcomes import outcome_writer

    outcome_writer.write()
    if settings.TRACING:
        from clips_site.server import tracing

        tracing.stop()
    if settings.SENTRY_DSN:
        import sentry_sdk

        sentry_sdk.flush(timeout=2)  # seconds


def child_exit(server: Any, worker: Any) -> None:
    """Free the slot of a worker that has ended, killed or not: its work in progress is over."""
    from clips_site.server.front.client_counts import counts

    slots.release(worker.slot)
    counts.release(worker.slot)


def on_exit(server: Any) -> None:
    """Stop the metrics process and delete the workers' files."""
    metrics_process.stop()
    slots.remove()
