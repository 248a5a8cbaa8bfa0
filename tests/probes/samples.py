"""Reading the samples of a collector."""

from prometheus_client.registry import Collector


def values(collector: Collector) -> dict[str, float]:
    """Return the values of all samples by name."""
    return {
        sample.name: sample.value for metric in collector.collect() for sample in metric.samples
    }
