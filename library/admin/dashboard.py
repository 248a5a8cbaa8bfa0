"""The dashboard at /admin/: plays, and the clips that need an editor.

None of its queries counts plays or clips one by one. The page loads its slower parts afterwards,
from `dashboard_parts`.
"""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince

from library.admin.base import cause_sentence
from library.admin.log_entries import describe
from library.audio.locks import host_of
from library.models import Clip, Health, Report, State, Webhook
from library.statistics.library import plays_in, recent_plays
from library.statistics.period import parse_period

ROWS = 5  # in each list
COLUMNS = ("title", "genre", "state", "created_at", "audio_url", "health_reason", "health_since")

admin.site.index_template = "library/admin/dashboard/index.html"


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the page's context; it takes nine queries."""
    now = timezone.now()
    days = _plays_per_day(now)
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
        "chart_description": _chart_description(days),
    }
    if may_view and not context["empty"]:
        context |= _clip_lists(now)
    if request.user.has_perm("library.view_webhook"):
        context["stopped_webhooks"] = Webhook.objects.paused_by_service()
    if request.user.has_perm("library.view_report"):
        context["open_reports"] = Report.objects.open().count()
    if request.user.has_perm("library.change_clip"):
        context["changes"] = _recent_changes(now)
    return context


def _cards(now: datetime) -> list[dict[str, Any]]:
    recent = recent_plays(now)
    return [
        {
            "title": title,
            "plays": f"{window['plays']:,}",
            "people": window["people"],
            "trend": _trend(window["change"], before),
            "rising": window["change"] is not None and window["change"] >= 0,
        }
        for title, before, window in (
            ("Plays today (UTC)", "by this time yesterday", recent["today"]),
            ("Plays in 7 days", "in the 7 days before", recent["last_7_days"]),
            ("Plays in 30 days", "in the 30 days before", recent["last_30_days"]),
        )
    ]


def _trend(change: float | None, before: str) -> str:
    if change is None:
        return f"No plays {before}"
    percent = round(abs(change) * 100)
    if not percent:
        return f"As many as {before}"
    return f"{percent:,}\u00a0% {'more' if change > 0 else 'fewer'} than {before}"


def _plays_per_day(now: datetime) -> list[dict[str, Any]]:
    """Return the plays of each of the last thirty days (UTC)."""
    period = parse_period("day", None, None, "UTC", now)
    return [
        {"day": start.date(), "plays": counts.plays, "people": counts.people}
        for start, counts in plays_in(period)
    ]


def _chart_description(days: list[dict[str, Any]]) -> str:
    """Describe the chart in a sentence for screen readers."""
    most = max(days, key=lambda day: day["plays"])
    total = sum(day["plays"] for day in days)
    if not total:
        return "none in 30 days."
    return f"{total:,} in 30 days, most on {most['day']:%-d %B} with {most['plays']:,}."


def _clip_lists(now: datetime) -> dict[str, Any]:
    clips = Clip.objects.not_deleted().only(*COLUMNS)
    drafts = clips.filter(state=State.DRAFT)
    failing = clips.exclude(state=State.WITHDRAWN).filter(health=Health.FAILING)
    newest = clips.order_by("-created_at", "-pk")
    return {
        "failing": [_failure(clip, now) for clip in failing.order_by("-health_since")[:ROWS]],
        "failing_url": _list_url(health=Health.FAILING),
        "drafts": [_addition(clip, now) for clip in drafts.order_by("-pk")[:ROWS]],
        "drafts_count": drafts.count(),
        "drafts_url": _list_url(state=State.DRAFT),
        "newest": [_addition(clip, now) for clip in newest[:ROWS]],
    }


def _list_url(**filters: str) -> str:
    return reverse("admin:library_clip_changelist", query=filters)


def _row(pk: Any, title: str, note: str, text: str = "") -> dict[str, str]:
    """Return an item of a list, which links to a clip."""
    url = reverse("admin:library_clip_change", args=[pk])
    return {"title": title, "url": url, "note": note, "text": text}


def _failure(clip: Clip, now: datetime) -> dict[str, str]:
    host = host_of(clip.audio_url) if clip.audio_url else "an upload"
    since = f", for {_largest_unit(clip.health_since, now)}" if clip.health_since else ""
    return _row(clip.pk, clip.title, host + since, cause_sentence(clip.health_reason))


def _addition(clip: Clip, now: datetime) -> dict[str, str]:
    return _row(clip.pk, clip.title, f"{clip.genre}, {_largest_unit(clip.created_at, now)} ago")


def _recent_changes(now: datetime) -> list[dict[str, str]]:
    """Return the last entries of the audit log about clips."""
    kind = ContentType.objects.get_for_model(Clip)
    entries = LogEntry.objects.filter(content_type=kind).select_related("user").order_by("-pk")
    return [
        _row(
            entry.object_id,
            entry.object_repr,
            f"{entry.user}, {_largest_unit(entry.action_time, now)} ago",
            describe(entry),
        )
        for entry in entries[:ROWS]
    ]


def _largest_unit(since: datetime, now: datetime) -> str:
    """Return the time since then, such as “3 hours”."""
    return timesince(since, now, depth=1)
