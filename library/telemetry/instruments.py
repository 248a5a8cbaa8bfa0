"""The Prometheus instruments of this service.

Names and meanings are those of monitoring/README.md. No label comes from a client.
What is counted in the database is told by `exposition`.
"""

import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from prometheus_client import Counter, Gauge, Histogram, values


def adder(counted: Counter | Gauge) -> Callable[[float], None]:
    """A counter's or gauge's `inc`, less what it checks each time, which costs more than counting.

    Looking an instrument up by its labels costs as much, so this is done once for all requests.
    """
    add: Callable[[float], None] = counted._value.inc  # noqa: SLF001
    return add


def observer(histogram: Histogram, *counted: Counter | Gauge) -> Callable[[float], None]:
    """A histogram's `observe`, likewise, which also adds 1 to each of some others."""
    bounds = array("d", histogram._upper_bounds)  # noqa: SLF001
    others = [one._value for one in counted]  # noqa: SLF001
    counts = [(bucket, *others) for bucket in histogram._buckets]  # noqa: SLF001
    return _observer(bounds, histogram._sum, counts)  # noqa: SLF001


def _one_by_one(
    bounds: Sequence[float], total: Any, counts: Sequence[Iterable[Any]]
) -> Callable[[float], None]:
    def observe(amount: float) -> None:
        total.inc(amount)
        for count in counts[bisect_left(bounds, amount)]:
            count.inc(1)

    return observe


# How numbers are kept, the workers of a server decide before this is imported.
_observer = getattr(values.ValueClass, "observer", _one_by_one)


http_requests_in_progress = Gauge(
    "clips_http_requests_in_progress",
    "HTTP requests begun and not yet answered to the last byte.",
    multiprocess_mode="livesum",
)
streams_started = Counter("clips_streams_started_total", "Audio streams begun.")
streams_refused = Counter(
    "clips_streams_refused_total",
    "Requests of a stream (GET) answered with an error of ours or of an origin, by its code.",
    ["code"],
)
streams_finished = Counter("clips_streams_finished_total", "Audio streams ended.", ["outcome"])
streams_in_progress = Gauge(
    "clips_streams_in_progress", "Audio streams being sent.", multiprocess_mode="livesum"
)
stream_duration = Histogram(
    "clips_stream_duration_seconds",
    "From the request of a stream to the last byte handed to the network, or all of it to nginx.",
    ["outcome"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600),
)
stream_time_to_first_byte = Histogram(
    "clips_stream_time_to_first_byte_seconds",
    "From the request of a stream to the first byte of its audio.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
stream_bytes = Counter("clips_stream_bytes_total", "Bytes of audio handed to the network.")
origin_request_duration = Histogram(
    "clips_origin_request_duration_seconds",
    "Fetching a clip's audio from its origin, by result: ok or the code of the failure.",
    ["result"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
audio_store_requests = Counter(
    "clips_audio_store_requests_total", "Audio asked of the store, by result.", ["result"]
)
audio_store_evicted_bytes = Counter(
    "clips_audio_store_evicted_bytes_total", "Bytes removed from the store to make room."
)
audio_store_write_failures = Counter(
    "clips_audio_store_write_failures_total",
    "Downloads that the disk below the store did not take: full, or read-only.",
)

# A series that is there from the start reads 0 and not nothing, so that rates see the first event.
for _result in ("hit", "miss", "joined", "stale", "error"):
    audio_store_requests.labels(_result)
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
    """Time a fetch; an exception's `code` names its result, if it is not the disk that fails."""
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
        """`began` is when the request came, on the clock of `time.perf_counter`."""
        self._began = time.perf_counter() if began is None else began
        self._finished = False

    def start(self) -> None:
        """The first byte is about to leave."""
        _begin_stream(time.perf_counter() - self._began)

    def finish(self, sent: int, outcome: str) -> None:
        """The body has ended after `sent` bytes: completed, client_closed or error.

        Or it was handed_over: nginx sends it, and knows alone how much and how that ends.
        """
        if self._finished:
            return
        self._finished = True
        _end_stream[outcome](time.perf_counter() - self._began)
        _add_in_progress(-1)
        _add_bytes(sent)
