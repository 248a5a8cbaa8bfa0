"""Build the response to a Prometheus scrape."""

import glob
import os
from collections.abc import Iterable, Iterator

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from library.probes.database_metrics import DatabaseMetrics
from library.probes.store_metrics import StoreMetrics

__all__ = ["CONTENT_TYPE_LATEST", "Exposition"]


class WorkerMetrics(Collector):
    """Merges the metric files in a folder."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Merge all files, except those that a worker has just created: these are still empty."""
        files = [file for file in glob.glob(f"{glob.escape(self._folder)}/*.db") if _size(file)]
        metrics: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return metrics


class Exposition:
    """Exposes all metrics. Each process has one instance."""

    def __init__(self, folder: str | None) -> None:
        """`folder` holds the workers' metric files, or is None in a server without workers."""
        self._instruments = WorkerMetrics(folder) if folder else REGISTRY
        self._database = DatabaseMetrics()
        self._store = StoreMetrics()

    def samples(self, name: str) -> Iterator[Sample]:
        for metric in self._instruments.collect():
            yield from (sample for sample in metric.samples if sample.name == name)

    def text(self) -> bytes:
        """Return all metrics in the format of CONTENT_TYPE_LATEST."""
        database = self._database.begin_scrape()  # runs while the other metrics are collected
        registry = CollectorRegistry()
        for collector in (self._instruments, self._store, database):
            registry.register(collector)
        return generate_latest(registry)


def _size(file: str) -> int:
    try:
        return os.stat(file).st_size
    except FileNotFoundError:  # the gauges of a worker that has ended
        return 0
