"""gunicorn's configuration: `gunicorn -c clips_site/server/gunicorn_conf.py clips_site.wsgi`."""

import os
import resource
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clips_site.settings")

from clips_site import settings
from clips_site.server import stop_signals
from clips_site.server.metrics import slots
from clips_site.server.metrics.process import metrics_process

wsgi_app = "clips_site.wsgi"
bind = f"{settings.HOST}:{settings.PORT}"
workers = settings.WEB_CONCURRENCY
worker_class = "clips_site.server.worker.Worker"
logger_class = "clips_site.server.worker.Logger"
threads = settings.WEB_THREADS
# A listener takes up to three descriptors (socket, file, lock), a download four; without one left a
# worker cannot accept and ends. So many are asked for as every system grants where its hard limit
# allows (macOS grants no more), and connections to match.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
_descriptors = 10_240 if _hard == resource.RLIM_INFINITY else min(_hard, 10_240)
if _soft != resource.RLIM_INFINITY and _soft < _descriptors:
    resource.setrlimit(resource.RLIMIT_NOFILE, (_descriptors, _hard))
worker_connections = max(settings.WEB_THREADS + 64, _descriptors // 4)
backlog = 2048
timeout = 60
graceful_timeout = 30
keepalive = 5
control_socket_disable = True  # it would lie in the home folder, one for all servers
proc_name = "clips"


def on_starting(server: Any) -> None:
    """Hold the embedded database for as long as the server runs, whatever its workers do.

    And load once, for all workers, the list that tells what program plays.
    """
    from library.plays.client_families import warm_up

    warm_up()
    if settings.EMBEDDED:
        from clips_site.database.embedded.base import cluster

        cluster(settings.LOCAL_DIR / "postgres").attach(settings.POSTGRES_DB)


def when_ready(server: Any) -> None:
    """Say where it can be reached, and have the metrics process run beside the workers."""
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
    """Have the metrics process, too, run the code that is there now."""
    metrics_process.end()


def pre_fork(server: Any, worker: Any) -> None:
    """Give the worker a slot to count in. More than `workers` may run while the server reloads."""
    worker.slot = slots.free({other.slot for other in server.WORKERS.values()})


def post_fork(server: Any, worker: Any) -> None:
    """Count in it."""
    slots.take(worker.slot)


def post_worker_init(worker: Any) -> None:
    """Let Ctrl-C end the worker at once, and have its hooks find what they count with."""
    from library.telemetry.instruments import adder, http_requests_in_progress

    stop_signals.end_at_once_when_told()
    worker.add_in_progress = adder(http_requests_in_progress)


def pre_request(worker: Any, req: Any) -> None:
    """A request begins."""
    worker.add_in_progress(1)


def post_request(worker: Any, req: Any, environ: Any, resp: Any) -> None:
    """Its last byte is sent, or the client has left."""
    worker.add_in_progress(-1)


def worker_exit(server: Any, worker: Any) -> None:
    """A worker ends by itself: note how its last streams ended, send spans and errors that wait."""
    from library.plays.outcomes import outcome_writer

    outcome_writer.write()
    if settings.TRACING:
        from clips_site.server import tracing

        tracing.stop()
    if settings.SENTRY_DSN:
        from clips_site.server import sentry

        sentry.stop()


def child_exit(server: Any, worker: Any) -> None:
    """A worker ended, killed or not: nothing of it is in progress any more."""
    slots.vacate(worker.slot)


def on_exit(server: Any) -> None:
    """Leave nothing behind."""
    metrics_process.end()
    slots.remove()
