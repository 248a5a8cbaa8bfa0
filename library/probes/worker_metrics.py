"""The metrics of all workers, merged from their files."""

import glob
import os
from collections.abc import Iterable

from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector


class WorkerMetrics(Collector):
    """Merges the metric files in a folder."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Merge all files, except those that a worker has just created: these are still empty."""
        files = [file for file in glob.glob(f"{glob.escape(self._folder)}/*.db") if _size(file)]
        metrics: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return metrics


def _size(file: str) -> int:
    try:
        return os.stat(file).st_size
    except FileNotFoundError:  # the gauges of a worker that has ended
        return 0
