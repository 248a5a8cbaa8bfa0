"""GET /metrics on the service's own port, and metrics that the back office shows."""

import os

from django.http import HttpRequest, HttpResponse

from library.probes.exposition import CONTENT_TYPE_LATEST, Exposition

_exposition = Exposition(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))


def audio_store_requests() -> dict[str, int]:
    """What was asked of the store since this server started, in all its processes, by result."""
    return {
        sample.labels["result"]: int(sample.value)
        for sample in _exposition.samples("clips_audio_store_requests_total")
    }


def metrics(request: HttpRequest) -> HttpResponse:
    """GET /metrics, as the metrics process tells it on a port of its own."""
    return HttpResponse(_exposition.text(), content_type=CONTENT_TYPE_LATEST)
