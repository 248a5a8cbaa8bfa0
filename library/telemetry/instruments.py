"""The Prometheus instruments of this service.

monitoring/README.md documents their names and meanings. No label has values from clients.
`library.probes.database_metrics` exposes the totals from the database.
"""

import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from prometheus_client import Counter, Gauge, Histogram, values


def adder(metric: Counter | Gauge) -> Callable[[float], None]:
    """Return the metric's `inc` without its checks, which cost more than the addition.

    A look-up by labels costs as much, so call this once and not for each request.
    """
    add: Callable[[float], None] = metric._value.inc  # noqa: SLF001
    return add


def observer(histogram: Histogram, *metrics: Counter | Gauge) -> Callable[[float], None]:
    """Return the histogram's `observe` without its checks. It also adds 1 to each of `metrics`."""
    bounds = array("d", histogram._upper_bounds)  # noqa: SLF001
    others = [metric._value for metric in metrics]  # noqa: SLF001
    counts = [(bucket, *others) for bucket in histogram._buckets]  # noqa: SLF001
    return _observer(bounds, histogram._sum, counts)  # noqa: SLF001


def _observe_one_by_one(
    bounds: Sequence[float], total: Any, counts: Sequence[Iterable[Any]]
) -> Callable[[float], None]:
    def observe(amount: float) -> None:
        total.inc(amount)
        for count in counts[bisect_left(bounds, amount)]:
            count.inc(1)

    return observe


# A server's workers set ValueClass before this import. Theirs adds to all counts in one step.
_observer = getattr(values.ValueClass, "observer", _observe_one_by_one)


http_requests_in_progress = Gauge(
    "clips_http_requests_in_progress",
    "HTTP requests in progress, to the last byte of the response.",
    multiprocess_mode="livesum",
)
streams_started = Counter("clips_streams_started_total", "Audio streams started.")
streams_refused = Counter(
    "clips_streams_refused_total",
    "Stream requests (GET) that failed because of this service or an origin, by error code.",
    ["code"],
)
streams_finished = Counter(
    "clips_streams_finished_total", "Audio streams finished, by outcome.", ["outcome"]
)
streams_in_progress = Gauge(
    "clips_streams_in_progress", "Audio streams in progress.", multiprocess_mode="livesum"
)
stream_duration = Histogram(
    "clips_stream_duration_seconds",
    "Time from a stream's request to its last byte sent to the network, or its hand-over to nginx.",
    ["outcome"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600),
)
stream_time_to_first_byte = Histogram(
    "clips_stream_time_to_first_byte_seconds",
    "Time from a stream's request to its first byte.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
stream_bytes = Counter("clips_stream_bytes_total", "Bytes of audio sent to the network.")
origin_request_duration = Histogram(
    "clips_origin_request_duration_seconds",
    "Time to fetch a clip's audio from its origin, by result: ok or an error code.",
    ["result"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
audio_store_requests = Counter(
    "clips_audio_store_requests_total", "Requests to the audio store, by result.", ["result"]
)
audio_store_evicted_bytes = Counter(
    "clips_audio_store_evicted_bytes_total", "Bytes evicted from the audio store."
)
audio_store_write_failures = Counter(
    "clips_audio_store_write_failures_total",
    "Downloads that could not be stored because the disk is full or read-only.",
)

# Each series starts at 0 instead of being absent, so that rates include the first event.
for _result in ("hit", "miss", "joined", "stale", "error"):
    audio_store_requests.labels(_result)
count_audio_store_hit = adder(audio_store_requests.labels("hit"))
origin_request_duration.labels("ok")

_begin_stream = observer(stream_time_to_first_byte, streams_started, streams_in_progress)
_add_in_progress = adder(streams_in_progress)
_add_bytes = adder(stream_bytes)
_end_stream = {
    outcome: observer(stream_duration.labels(outcome), streams_finished.labels(outcome))
    for outcome in ("completed", "client_closed", "error", "handed_over")
}


@contextmanager
def origin_fetch() -> Iterator[None]:
    """Time a fetch. The `code` of an exception is its result; an OSError comes from the disk."""
    started, result = time.perf_counter(), "ok"
    try:
        yield
    except OSError:
        result = "store_unavailable"
        raise
    except Exception as error:
        result = getattr(error, "code", "internal_error")
        raise
    finally:
        origin_request_duration.labels(result).observe(time.perf_counter() - started)


class StreamMeter:
    """Measures one stream from its request until its body ends, however it ends."""

    def __init__(self, began: float | None = None) -> None:
        """`began` is the start of the request, on the clock of `time.perf_counter`."""
        self._began = time.perf_counter() if began is None else began
        self._finished = False

    def start(self) -> None:
        """Record that the first byte is about to be sent."""
        _begin_stream(time.perf_counter() - self._began)

    def finish(self, sent: int, outcome: str) -> None:
        """Record the end of the body after `sent` bytes: completed, client_closed or error.

        The outcome handed_over means that nginx sends the body. Only nginx knows how that ends.
        """
        if self._finished:
            return
        self._finished = True
        _end_stream[outcome](time.perf_counter() - self._began)
        _add_in_progress(-1)
        _add_bytes(sent)
