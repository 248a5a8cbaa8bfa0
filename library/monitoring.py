"""What Prometheus sees beyond the instruments: HTTP requests, and what the database counts."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from django.db import Error, connection
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django_prometheus.middleware import Metrics
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from library import metrics as instruments
from library.models import Clip

logger = logging.getLogger(__name__)

TOP_CLIPS = 10
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class HTTPMetrics(Metrics):  # type: ignore[misc]
    """Of django-prometheus' HTTP metrics those that dashboards use, under their usual names.

    The stock middlewares let a client invent values of the method label, and cost four times as
    much.
    """

    def register(self) -> None:
        """Make the instruments."""
        self.requests = Counter(
            "django_http_requests_total_by_view_transport_method",
            "Count of requests by view, transport, method.",
            ["view", "transport", "method"],
        )
        self.responses = Counter(
            "django_http_responses_total_by_status_view_method",
            "Count of responses by status, view, method.",
            ["status", "view", "method"],
        )
        self.latency = Histogram(
            "django_http_requests_latency_seconds_by_view_method",
            "Histogram of request processing time, to the response's headers, by view and method.",
            ["view", "method"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )


class RequestMetricsMiddleware:
    """Counts and times every request by the name of its view."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.metrics: HTTPMetrics = HTTPMetrics.get_instance()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Measure from here to the response's headers."""
        began = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        view = (match.view_name if match else None) or "<unnamed view>"
        method = request.method if request.method in METHODS else "<invalid method>"
        self.metrics.requests.labels(view, request.scheme, method).inc()
        self.metrics.responses.labels(response.status_code, view, method).inc()
        self.metrics.latency.labels(view, method).observe(time.perf_counter() - began)
        return response


class DatabaseCollector(Collector):
    """Totals that PostgreSQL keeps: they survive restarts, and are the same from every process."""

    def collect(self) -> Iterator[Metric]:
        """The plays, the most played clips, and whether the database could tell."""
        top = CounterMetricFamily(
            "clips_top_streamed", "Plays of the most played clips.", labels=["clip_id", "title"]
        )
        plays = CounterMetricFamily("clips_plays_recorded", "Plays of all clips.")
        up = GaugeMetricFamily("clips_database_up", "Whether the database answered.")
        try:
            # A clip that is deleted or withdrawn leaves the list of the most played, but no total.
            clips = Clip.objects.available().filter(play_count__gt=0).order_by("-play_count", "id")
            for pk, title, count in clips.values_list("id", "title", "play_count")[:TOP_CLIPS]:
                top.add_metric([str(pk), title], count)
            total = Clip.objects.aggregate(total=Sum("play_count"))["total"]
            plays.add_metric([], total or 0)
        except Error:
            logger.warning("Metrics without the database, which does not answer", exc_info=True)
            up.add_metric([], 0)
            yield up
        else:
            up.add_metric([], 1)
            yield from (up, plays, top)
        finally:
            connection.close()


def audio_store_requests() -> dict[str, int]:
    """What was asked of the store since this server started, in all its processes, by result."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder:
        counters = [str(path) for path in Path(folder).glob("counter_*.db")]
        found = multiprocess.MultiProcessCollector.merge(counters, accumulate=True)  # type: ignore[no-untyped-call]
    else:
        found = instruments.audio_store_requests.collect()
    return {
        sample.labels["result"]: int(sample.value)
        for metric in found
        for sample in metric.samples
        if sample.name == "clips_audio_store_requests_total"
    }


def metrics(request: HttpRequest) -> HttpResponse:
    """GET /metrics: the instruments of all processes, and the database's totals."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        exposed = generate_latest(registry)
    else:
        exposed = generate_latest(REGISTRY)
    database = CollectorRegistry()
    database.register(DatabaseCollector())
    return HttpResponse(exposed + generate_latest(database), content_type=CONTENT_TYPE_LATEST)
