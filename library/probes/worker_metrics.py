"""What the workers have counted, from their files."""

import glob
import os
from collections.abc import Iterable

from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector


class WorkerMetrics(Collector):
    """Adds up the files of a folder."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """All of them but those that a worker has only just made, which are empty for a moment."""
        files = [file for file in glob.glob(f"{glob.escape(self._folder)}/*.db") if _size(file)]
        metrics: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return metrics


def _size(file: str) -> int:
    try:
        return os.stat(file).st_size
    except FileNotFoundError:  # a gauge of a worker that has ended
        return 0
