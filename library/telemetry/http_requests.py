"""Counts and times HTTP requests for Prometheus."""

import time
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django_prometheus.middleware import Metrics
from prometheus_client import Counter, Histogram

from library.telemetry.instruments import observer

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
BEGAN = "clips.began"  # in a request's META: when it came, on the clock of `time.perf_counter`


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
        # By what was asked and answered; no client can add to it.
        self._observers: dict[tuple[str | None, str, str, int], Callable[[float], None]] = {}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Measure from here to the response's headers."""
        began = request.META[BEGAN] = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        view = match.view_name if match else None
        method = request.method if request.method in METHODS else "<invalid method>"
        key = (view, request.META["wsgi.url_scheme"], method, response.status_code)
        observe = self._observers.get(key) or self._look_up(*key)
        observe(time.perf_counter() - began)
        return response

    def _look_up(
        self, view: str | None, scheme: str, method: str, status: int
    ) -> Callable[[float], None]:
        name = view or "<unnamed view>"
        self._observers[view, scheme, method, status] = observe = observer(
            self.metrics.latency.labels(name, method),
            self.metrics.requests.labels(name, scheme, method),
            self.metrics.responses.labels(status, name, method),
        )
        return observe
