"""GET /metrics on the service's port, and the metrics that the back office shows."""

import os

from django.http import HttpRequest, HttpResponse

from library.probes.exposition import CONTENT_TYPE_LATEST, Exposition

_exposition = Exposition(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))


def audio_store_requests() -> dict[str, int]:
    """Return the number of requests to the audio store by result since the server started."""
    samples = _exposition.samples("clips_audio_store_requests_total")
    return {sample.labels["result"]: int(sample.value) for sample in samples}


def metrics(request: HttpRequest) -> HttpResponse:
    """GET /metrics: the same as the metrics process serves on its own port."""
    return HttpResponse(_exposition.text(), content_type=CONTENT_TYPE_LATEST)
