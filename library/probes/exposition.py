"""Build the response to a Prometheus scrape."""

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.samples import Sample

from library.probes.database_metrics import DatabaseMetrics
from library.probes.store_metrics import StoreMetrics
from library.probes.worker_metrics import WorkerMetrics

__all__ = ["CONTENT_TYPE_LATEST", "Exposition"]


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
