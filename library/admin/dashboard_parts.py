"""The parts of the dashboard that the page loads after itself.

In a large library each may take a second: the ranking, the count of all clips by health, and the
size of the audio store's folder.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path
from django.utils.timesince import timesince

from library.audio.eviction import scan
from library.models import Clip, Health, State
from library.probes.metrics_view import audio_store_requests
from library.statistics.library import top_clips

TOP = 8
PATIENCE = 10.0  # seconds
FROM_THE_STORE = ("hit", "joined", "stale")  # results of requests that needed no fetch


def _top() -> dict[str, Any]:
    """Return the most played clips of the last seven days."""
    top = top_clips("last_7_days", TOP, patience=PATIENCE)
    clips = [clip | {"shown": f"{clip['plays']:,}"} for clip in top["clips"]]
    return top | {"clips": clips, "most": max((clip["plays"] for clip in clips), default=0)}


def _sources() -> dict[str, Any]:
    """Return how many sources work, fail or are unchecked, and the time of the last check."""
    by_health = (
        Clip.objects.not_deleted()
        .exclude(state=State.WITHDRAWN)
        .order_by()
        .values_list("health")
        .annotate(Count("pk"), Max("health_checked_at"))
    )
    counts = {health: count for health, count, _ in by_health}
    checked_at = max((latest for *_, latest in by_health if latest), default=None)
    return {
        "counts": [(health.label, f"{counts.get(health, 0):,}") for health in Health],
        "checked": checked_at and timesince(checked_at, depth=1),
    }


def _store() -> dict[str, Any]:
    """Return the hit ratio of this machine's audio store, and how full it is."""
    folder, limit = settings.AUDIO_STORE_DIR, settings.CLIPS_AUDIO_STORE_BYTES
    entries = scan(folder) if folder.is_dir() else []
    size = sum(entry.size for entry in entries)
    requests = audio_store_requests()
    total = sum(requests.values())
    served = sum(requests.get(result, 0) for result in FROM_THE_STORE)
    return {
        "ratio": f"{round(served / total * 100)}\u00a0%" if total else None,
        "requests": f"{total:,}",
        "size": size,
        "limit": limit,
        "used": f"{filesizeformat(size)} of {filesizeformat(limit)}",
        "stored": f"{len(entries):,} clip{'s' * (len(entries) != 1)}",
    }


Part = Callable[[], dict[str, Any]]
PARTS: dict[str, Part] = {"top": _top, "sources": _sources, "store": _store}


@permission_required("library.view_clip", raise_exception=True)
def part(request: HttpRequest, name: str) -> HttpResponse:
    """Return a part of the page."""
    response = render(request, f"library/admin/dashboard/_{name}.html", PARTS[name]())
    response["Cache-Control"] = "no-store"
    return response


urls: list[URLPattern] = [
    path(
        f"admin/dashboard/{name}/",
        admin.site.admin_view(part),
        {"name": name},
        name=f"dashboard-{name}",
    )
    for name in PARTS
]
