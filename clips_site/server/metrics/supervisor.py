"""gunicorn's master starts the metrics process, and restarts it whenever it ends.

Prometheus would wait for a thread of a worker while all of them stream. The metrics process
(`endpoint.py`) does nothing else.
"""

import os
import subprocess
import sys
import time
from typing import Any

from clips_site import settings

PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between two starts; doubled while it ends early
STABLE = 30.0  # seconds after which it has not ended early


class MetricsProcess:
    """The metrics process of this server, as its master sees it."""

    _process: subprocess.Popen[bytes] | None = None
    _started = float("-inf")
    _pause = PAUSE

    def supervise(self, server: Any) -> None:
        """Start the process, and check it in each iteration of gunicorn's main loop.

            gunicorn has no hook for a child that is not a worker. This wraps the
        method that manages workers, which runs at least once a second and when a child has ended.
        """
        manage_workers = server.manage_workers

        def manage_workers_and_metrics() -> None:
            manage_workers()
            self._restart_if_ended(server.log)

        server.manage_workers = manage_workers_and_metrics

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process, self._started, self._pause = None, float("-inf"), PAUSE

    def _restart_if_ended(self, log: Any) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        lived = time.monotonic() - self._started
        if lived < self._pause:
            return
        if self._process is not None:
            log.warning("The metrics process has ended and is started again")
            self._pause = PAUSE if lived > STABLE else min(2 * self._pause, LONGEST_PAUSE)
        self._started = time.monotonic()
        # In its own session: Ctrl-C is meant for the master, which stops this process.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "clips_site.server.metrics.endpoint", str(os.getpid())],
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


metrics_process = MetricsProcess()
