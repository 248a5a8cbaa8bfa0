"""gunicorn's configuration: `gunicorn -c clips_site/gunicorn_conf.py clips_site.wsgi`."""

import os
import resource
import shutil
import signal
import tempfile
from typing import Any

# prometheus_client looks for this folder when it is first imported, so it is made first. Each
# server has one of its own: counters of an earlier one would be added to ours.
METRICS_DIR = tempfile.mkdtemp(prefix="clips-metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = METRICS_DIR
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clips_site.settings")

from prometheus_client import multiprocess  # noqa: E402

from clips_site import settings  # noqa: E402

wsgi_app = "clips_site.wsgi"
bind = f"{settings.HOST}:{settings.PORT}"
workers = settings.WEB_CONCURRENCY
worker_class = "clips_site.worker.Worker"
logger_class = "clips_site.worker.Logger"
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
    from library.client_family import warm_up

    warm_up()
    if settings.EMBEDDED:
        from clips_site.embedded_postgres.base import cluster

        cluster(settings.LOCAL_DIR / "postgres").attach(settings.POSTGRES_DB)


def when_ready(server: Any) -> None:
    """Say where it can be reached."""
    host = "localhost" if settings.HOST in ("127.0.0.1", "0.0.0.0", "::", "::1") else settings.HOST
    root = f"http://{host}:{settings.PORT}"
    server.log.info("Clips   %s/", root)
    server.log.info("API     %s/api/v1/clips", root)
    server.log.info("Docs    %s/docs", root)
    server.log.info("Admin   %s/admin/", root)
    server.log.info("Metrics %s/metrics", root)


def pre_request(worker: Any, req: Any) -> None:
    """A request begins."""
    from library.metrics import http_requests_in_progress

    http_requests_in_progress.inc()


def post_request(worker: Any, req: Any, environ: Any, resp: Any) -> None:
    """Its last byte is sent, or the client has left."""
    from library.metrics import http_requests_in_progress

    http_requests_in_progress.dec()


def post_worker_init(worker: Any) -> None:
    """On Ctrl-C let the worker end at once.

    gunicorn 27's own handler takes a lock that the interrupted main thread may hold, and then
    hangs until it is killed; and Python would wait for every thread, so for the slowest listener.
    A play that is being recorded is rolled back by PostgreSQL, and its audio was not sent.
    SIGTERM is the graceful way: it lets streams end, for `graceful_timeout` seconds.
    """
    _end_at_once_when_told()


STOP_AT_ONCE = (signal.SIGINT, signal.SIGQUIT)


def _end_at_once_when_told() -> None:
    for number in STOP_AT_ONCE:
        signal.signal(number, lambda *_: os._exit(0))


def _begin_as_worker() -> None:
    _end_at_once_when_told()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_AT_ONCE)


# A worker has the master's signal handlers until it has its own, and what it is told meanwhile is
# lost: the master would wait for `graceful_timeout` and kill it. So what comes between waits.
os.register_at_fork(
    before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, STOP_AT_ONCE),
    after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_AT_ONCE),
    after_in_child=_begin_as_worker,
)


def worker_exit(server: Any, worker: Any) -> None:
    """A worker ends by itself: note how its last streams ended, send spans and errors that wait."""
    from library.plays.endings import endings

    endings.write()
    if settings.TRACING:
        from clips_site import tracing

        tracing.stop()
    if settings.SENTRY_DSN:
        from clips_site import sentry

        sentry.stop()


def child_exit(server: Any, worker: Any) -> None:
    """A worker ended, killed or not: its gauges count no more."""
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """Leave nothing behind."""
    shutil.rmtree(METRICS_DIR, ignore_errors=True)
