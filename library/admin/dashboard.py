"""The page at /admin/: how the library fares, and what waits for an editor.

Nothing on it counts events or clips one by one. What may take a second in a large library (the
ranking, a look at all clips or at the store's folder) is fetched by the page when it is there.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.timesince import timesince

from library.audio.errors import CAUSES
from library.audio.eviction import scan
from library.audio.origin_slots import host_of
from library.models import Clip, Health, LibraryTally, State
from library.probes.metrics_view import audio_store_requests
from library.statistics.library import recent_plays, top_clips
from library.statistics.period import parse_period
from library.statistics.series import series

SHOWN = 5  # clips of a list
CHANGES = 5
TOP = 8
COLUMNS = ("title", "genre", "state", "created_at", "audio_url", "health_reason", "health_since")
CLIPS = "admin:library_clip_changelist"
FROM_THE_STORE = ("hit", "joined", "stale")  # answered without a fetch of one's own

admin.site.index_template = "library/dashboard.html"


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the page shows, by eight queries."""
    now = timezone.now()
    days = _days(now)
    may_view = request.user.has_perm("library.view_clip")
    context |= {
        "title": "Dashboard",
        "may_view": may_view,
        "may_add": request.user.has_perm("library.add_clip"),
        "empty": may_view and not Clip.objects.not_deleted().exists(),
        "cards": _cards(now),
        "days": days,
        "played": any(day["plays"] for day in days),
        "chart": [{"day": f"{day['day']:%-d %b}", "plays": day["plays"]} for day in days],
        "chart_told": _told(days),
    }
    if may_view and not context["empty"]:
        clips = Clip.objects.not_deleted().only(*COLUMNS)
        drafts = clips.filter(state=State.DRAFT)
        failing = clips.exclude(state=State.WITHDRAWN).filter(health=Health.FAILING)
        context |= {
            "failing": [_failure(clip, now) for clip in failing.order_by("-health_since")[:SHOWN]],
            "failing_url": _clips_url(health=Health.FAILING),
            "drafts": [_addition(clip, now) for clip in drafts.order_by("-pk")[:SHOWN]],
            "drafts_count": drafts.count(),
            "drafts_url": _clips_url(state=State.DRAFT),
            "newest": [
                _addition(clip, now) for clip in clips.order_by("-created_at", "-pk")[:SHOWN]
            ],
        }
    if request.user.has_perm("library.change_clip"):
        context["changes"] = _changes(now)
    return context


def _clips_url(**filters: str) -> str:
    return reverse(CLIPS, query=filters)


def _cards(now: datetime) -> list[dict[str, Any]]:
    """Plays lately, and their trend in words."""
    lately = recent_plays(now)
    return [
        {
            "title": title,
            "plays": f"{told['plays']:,}",
            "trend": _trend(told["change"], before),
            "rising": told["change"] is not None and told["change"] >= 0,
        }
        for title, before, told in (
            ("Plays today (UTC)", "yesterday by this time", lately["today"]),
            ("Plays in 7 days", "in the 7 days before", lately["last_7_days"]),
            ("Plays in 30 days", "in the 30 days before", lately["last_30_days"]),
        )
    ]


def _trend(change: float | None, before: str) -> str:
    if change is None:
        return f"None {before}"
    percent = round(abs(change) * 100)
    if not percent:
        return f"As many as {before}"
    return f"{percent:,}\u00a0% {'more' if change > 0 else 'fewer'} than {before}"


def _days(now: datetime) -> list[dict[str, Any]]:
    """The plays of the last thirty days (UTC)."""
    period = parse_period("day", None, None, "UTC", now)
    return [
        {"day": datetime.fromisoformat(bucket["start"]).date(), "plays": bucket["plays"]}
        for bucket in series(LibraryTally.objects.all(), period)
    ]


def _told(days: list[dict[str, Any]]) -> str:
    """The chart in a sentence, for those who do not see it."""
    most = max(days, key=lambda day: day["plays"])
    total = sum(day["plays"] for day in days)
    if not total:
        return "none in 30 days."
    return f"{total:,} in 30 days, most on {most['day']:%-d %B} with {most['plays']:,}."


def _row(pk: Any, title: str, note: str, text: str = "") -> dict[str, str]:
    """A line of a list, which leads to a clip."""
    url = reverse("admin:library_clip_change", args=[pk])
    return {"title": title, "url": url, "note": note, "text": text}


def _failure(clip: Clip, now: datetime) -> dict[str, str]:
    """A clip that cannot be heard, and why in words."""
    code = clip.health_reason or ""
    host = host_of(clip.audio_url) if clip.audio_url else "an upload"
    since = f", for {_span(clip.health_since, now)}" if clip.health_since else ""
    text = CAUSES[code].sentence if code in CAUSES else code
    return _row(clip.pk, clip.title, host + since, text)


def _addition(clip: Clip, now: datetime) -> dict[str, str]:
    """A clip, and when it came."""
    return _row(clip.pk, clip.title, f"{clip.genre}, {_span(clip.created_at, now)} ago")


def _changes(now: datetime) -> list[dict[str, str]]:
    """Who changed which clip lately."""
    kind = ContentType.objects.get_for_model(Clip)
    entries = LogEntry.objects.filter(content_type=kind).select_related("user").order_by("-pk")
    return [
        _row(
            entry.object_id,
            entry.object_repr,
            f"{entry.user}, {_span(entry.action_time, now)} ago",
            "Deleted." if entry.is_deletion() else entry.get_change_message(),
        )
        for entry in entries[:CHANGES]
    ]


def _span(since: datetime, now: datetime) -> str:
    """How long ago that is, in its largest unit."""
    return timesince(since, now, depth=1)


def _top(request: HttpRequest) -> dict[str, Any]:
    """The clips most played in seven days."""
    top = top_clips("last_7_days", TOP)
    clips = [clip | {"shown": f"{clip['plays']:,}"} for clip in top["clips"]]
    return top | {"clips": clips, "most": max((clip["plays"] for clip in clips), default=0)}


def _sources(request: HttpRequest) -> dict[str, Any]:
    """How many sources are found how."""
    found = (
        Clip.objects.not_deleted()
        .exclude(state=State.WITHDRAWN)
        .order_by()
        .values_list("health")
        .annotate(Count("pk"), Max("health_checked_at"))
    )
    counts = {health: count for health, count, _ in found}
    checked_at = max((latest for *_, latest in found if latest), default=None)
    return {
        "counts": [(health.label, f"{counts.get(health, 0):,}") for health in Health],
        "looked": checked_at and _span(checked_at, timezone.now()),
    }


def _store(request: HttpRequest) -> dict[str, Any]:
    """How much of the audio came from this machine's store, and how full that is."""
    folder = settings.AUDIO_STORE_DIR
    kept = scan(folder) if folder.is_dir() else []
    size = sum(entry.size for entry in kept)
    requests = audio_store_requests()
    asked = sum(requests.values())
    served = sum(requests.get(result, 0) for result in FROM_THE_STORE)
    return {
        "ratio": f"{round(served / asked * 100)}\u00a0%" if asked else None,
        "asked": f"{asked:,}",
        "size": size,
        "bound": settings.CLIPS_AUDIO_STORE_BYTES,
        "used": f"{filesizeformat(size)} of {filesizeformat(settings.CLIPS_AUDIO_STORE_BYTES)}",
        "kept": f"{len(kept):,} clip{'s' * (len(kept) != 1)}",
    }


PARTS: dict[str, Callable[[HttpRequest], dict[str, Any]]] = {
    "top": _top,
    "sources": _sources,
    "store": _store,
}


def part(request: HttpRequest, name: str) -> HttpResponse:
    """A part of the page that is fetched when the page is there."""
    if not request.user.has_perm("library.view_clip"):
        raise PermissionDenied
    response = render(request, f"library/dashboard/{name}.html", PARTS[name](request))
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
