"""Count and time HTTP requests for Prometheus."""

import time
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import Counter, Histogram

from library.telemetry.instruments import observer

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
CONTINUE = 100  # the server passes the request on once more, with its body
BEGAN = "clips.began"  # key in request.META of the start time, on the clock of `time.perf_counter`


# The HTTP metrics of django-prometheus that dashboards use, under their usual names. Its
# middlewares let clients invent values of the method label, and cost four times as much.
_requests = Counter(
    "django_http_requests_total_by_view_transport_method",
    "Count of requests by view, transport, method.",
    ["view", "transport", "method"],
)
_responses = Counter(
    "django_http_responses_total_by_status_view_method",
    "Count of responses by status, view, method.",
    ["status", "view", "method"],
)
_latency = Histogram(
    "django_http_requests_latency_seconds_by_view_method",
    "Histogram of the time from a request to its response headers, by view and method.",
    ["view", "method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


# Clients cannot add keys: there are only so many views, methods and statuses.
_observers: dict[tuple[str | None, str, str, int], Callable[[float], None]] = {}


def count(view: str | None, scheme: str, method: str | None, status: int, seconds: float) -> None:
    """Count a request, and the time until its response could begin, by the name of its view."""
    known = method if method in METHODS else "<invalid method>"
    key = (view, scheme, known, status)
    observe = _observers.get(key)
    if observe is None:
        name = view or "<unnamed view>"
        observe = _observers[key] = observer(
            _latency.labels(name, known),
            _requests.labels(name, scheme, known),
            _responses.labels(status, name, known),
        )
    observe(seconds)


class RequestMetricsMiddleware:
    """Counts and times the requests that Django answers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = request.META.setdefault(BEGAN, time.perf_counter())
        response = self.get_response(request)
        if response.status_code == CONTINUE:
            return response
        match = request.resolver_match
        view, scheme = match.view_name if match else None, request.META["wsgi.url_scheme"]
        count(view, scheme, request.method, response.status_code, time.perf_counter() - began)
        return response
