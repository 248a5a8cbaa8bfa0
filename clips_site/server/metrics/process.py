"""gunicorn's master starts the metrics process and, whenever that has ended, starts it again.

Prometheus would wait for a thread of a worker while all of them stream; this process has nothing
else to do. What it does is in `endpoint.py`.
"""

import os
import subprocess
import sys
import time
from typing import Any

from clips_site import settings

PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between two starts; doubled while it ends soon
LIVES = 30.0  # seconds after which it is taken to work


class MetricsProcess:
    """The one of this server."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._started = float("-inf")
        self._pause = PAUSE

    def supervise(self, server: Any) -> None:
        """Look after it at each turn of gunicorn's loop, which comes once a second or sooner.

        gunicorn has no hook for a child that is not a worker: it looks after its workers in this
        method, which it calls at each turn and at once when a child has ended.
        """
        manage_workers = server.manage_workers

        def manage_workers_and_metrics() -> None:
            manage_workers()
            self._keep_up(server.log)

        server.manage_workers = manage_workers_and_metrics

    def end(self) -> None:
        """End it, and wait until it has."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process, self._started, self._pause = None, float("-inf"), PAUSE

    def _keep_up(self, log: Any) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        lived = time.monotonic() - self._started
        if lived < self._pause:
            return
        if self._process is not None:
            log.warning("The metrics process has ended and is started again")
            self._pause = PAUSE if lived > LIVES else min(2 * self._pause, LONGEST_PAUSE)
        self._started = time.monotonic()
        # In a session of its own, since Ctrl-C is for the master, which ends it when it ends.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "clips_site.server.metrics.endpoint", str(os.getpid())],
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


metrics_process = MetricsProcess()
