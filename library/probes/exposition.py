"""The whole answer to Prometheus."""

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.samples import Sample

from library.probes.database_metrics import DatabaseMetrics
from library.probes.store_metrics import StoreMetrics
from library.probes.worker_metrics import WorkerMetrics

__all__ = ["CONTENT_TYPE_LATEST", "Exposition"]


class Exposition:
    """Tells all that is measured, again and again; one for each process."""

    def __init__(self, folder: str | None) -> None:
        """`folder` holds the workers' files; None for a process that serves without workers."""
        self._instruments = WorkerMetrics(folder) if folder else REGISTRY
        self._database = DatabaseMetrics()
        self._store = StoreMetrics()

    def samples(self, name: str) -> Iterator[Sample]:
        """What one of the instruments has counted, in all processes."""
        for metric in self._instruments.collect():
            yield from (sample for sample in metric.samples if sample.name == name)

    def text(self) -> bytes:
        """In the format of CONTENT_TYPE_LATEST."""
        database = self._database.begin()  # asked while the rest is collected
        registry = CollectorRegistry()
        for collector in (self._instruments, self._store, database):
            registry.register(collector)
        return generate_latest(registry)
