"""The Prometheus instruments of this service.

Names and meanings are those of monitoring/README.md. No label comes from a client.
What is counted in the database is exposed by `monitoring.py`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

http_requests_in_progress = Gauge(
    "clips_http_requests_in_progress",
    "HTTP requests begun and not yet answered to the last byte.",
    multiprocess_mode="livesum",
)
streams_started = Counter("clips_streams_started_total", "Audio streams begun.")
streams_finished = Counter("clips_streams_finished_total", "Audio streams ended.", ["outcome"])
streams_in_progress = Gauge(
    "clips_streams_in_progress", "Audio streams being sent.", multiprocess_mode="livesum"
)
stream_duration = Histogram(
    "clips_stream_duration_seconds",
    "From the request of a stream to the last byte handed to the network.",
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

# A series that is there from the start reads 0 and not nothing, so that rates see the first event.
for _outcome in ("completed", "client_closed", "error"):
    streams_finished.labels(_outcome)
    stream_duration.labels(_outcome)
for _result in ("hit", "miss", "joined", "stale", "error"):
    audio_store_requests.labels(_result)
origin_request_duration.labels("ok")


@contextmanager
def origin_fetch() -> Iterator[None]:
    """Time a fetch; an exception's `code` names its result."""
    started, result = time.perf_counter(), "ok"
    try:
        yield
    except Exception as error:
        result = getattr(error, "code", "internal_error")
        raise
    finally:
        origin_request_duration.labels(result).observe(time.perf_counter() - started)


class StreamMeter:
    """Measures one stream from its request until its body ends, however it ends."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._finished = False

    def start(self) -> None:
        """The first byte is about to leave."""
        streams_started.inc()
        streams_in_progress.inc()
        stream_time_to_first_byte.observe(time.perf_counter() - self._began)

    def finish(self, sent: int, outcome: str) -> None:
        """The body has ended after `sent` bytes: completed, client_closed or error."""
        if self._finished:
            return
        self._finished = True
        streams_in_progress.dec()
        streams_finished.labels(outcome).inc()
        stream_bytes.inc(sent)
        stream_duration.labels(outcome).observe(time.perf_counter() - self._began)
