"""gunicorn's configuration: `gunicorn --config clips_site/server/gunicorn_conf.py`.

The master imports the application and forks the workers from itself: they start at once and share
its memory. A reload (SIGHUP) therefore replaces the workers but not their code; restart the server
to run new code.
"""

import os
import resource
from importlib import import_module
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clips_site.settings")

from clips_site import settings
from clips_site.server.metrics import slots
from clips_site.server.metrics.supervisor import metrics_process

wsgi_app = "clips_site.wsgi"
bind = f"{settings.HOST}:{settings.PORT}"
workers = settings.WEB_CONCURRENCY
worker_class = "clips_site.server.worker.Worker"
logger_class = "clips_site.server.worker.Logger"
threads = settings.WEB_THREADS
# A listener takes up to three file descriptors (socket, file, lock), a download four. A worker that
# runs out of them cannot accept connections and exits. 10,240 is the most that every system grants
# if its hard limit allows (macOS grants no more); the number of connections follows from it.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
_descriptors = 10_240 if _hard == resource.RLIM_INFINITY else min(_hard, 10_240)
if _soft != resource.RLIM_INFINITY and _soft < _descriptors:
    resource.setrlimit(resource.RLIMIT_NOFILE, (_descriptors, _hard))
worker_connections = max(settings.WEB_THREADS + 64, _descriptors // 4)
backlog = 2048
timeout = 60
graceful_timeout = 30
keepalive = 5
control_socket_disable = True  # all servers of a user would share one in the home directory
proc_name = "clips"


def on_starting(server: Any) -> None:
    """Import the application once for all workers, and start the embedded database.

    The master holds the database until it exits, whatever happens to its workers.
    """
    import django

    django.setup()
    import_module(settings.ROOT_URLCONF)  # imports all views
    from library.plays.client_families import warm_up

    warm_up(settings.LOCAL_DIR / "client-list.pickle")
    if settings.EMBEDDED:
        from clips_site.database.embedded.base import cluster

        cluster(settings.LOCAL_DIR / "postgres").attach(settings.POSTGRES_DB)


def when_ready(server: Any) -> None:
    """Log the addresses of the service, and start the metrics process."""
    host = "localhost" if settings.HOST in ("127.0.0.1", "0.0.0.0", "::", "::1") else settings.HOST
    root = f"http://{host}:{settings.PORT}"
    server.log.info("Clips   %s/", root)
    server.log.info("API     %s/api/v1/clips", root)
    server.log.info("Docs    %s/docs", root)
    server.log.info("Admin   %s/admin/", root)
    if settings.CLIPS_METRICS_PORT:
        server.log.info("Metrics http://%s:%d/metrics", host, settings.CLIPS_METRICS_PORT)
        metrics_process.supervise(server)
    else:
        server.log.info("Metrics %s/metrics", root)


def on_reload(server: Any) -> None:
    """Restart the metrics process together with the workers."""
    metrics_process.stop()


def pre_fork(server: Any, worker: Any) -> None:
    """Assign a slot to the worker. During a reload there are more workers than `workers`."""
    worker.slot = slots.assign({other.slot for other in server.WORKERS.values()})


def post_fork(server: Any, worker: Any) -> None:
    """Count in the worker's slot from now on."""
    slots.use(worker.slot)


def post_worker_init(worker: Any) -> None:
    """Look up the gauge that the next two hooks need."""
    from library.telemetry.instruments import adder, http_requests_in_progress

    worker.add_in_progress = adder(http_requests_in_progress)


def pre_request(worker: Any, req: Any) -> None:
    """Count a request as in progress."""
    worker.add_in_progress(1)


def post_request(worker: Any, req: Any, environ: Any, resp: Any) -> None:
    """Count a request as done: its last byte is sent, or its client has left."""
    worker.add_in_progress(-1)


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
    slots.release(worker.slot)


def on_exit(server: Any) -> None:
    """Stop the metrics process and delete the workers' files."""
    metrics_process.stop()
    slots.remove()
