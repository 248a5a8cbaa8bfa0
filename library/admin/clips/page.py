"""The page of one clip: its context, its result for scripts, saving, and its history."""

import uuid
from datetime import UTC, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.core.paginator import Paginator
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from library import history
from library.admin.base import cause_sentence
from library.admin.clips.duplicates import known_duplicates
from library.admin.clips.form import ClipForm
from library.admin.clips.preview import preview_context
from library.admin.clips.sound import sound_of
from library.admin.log_entries import action_of
from library.models import Clip, Report
from library.renditions.excerpt import FIELDS as PREVIEW_FIELDS
from library.sources import uploads
from library.sources.uploaded_file import format_size, sha256_of
from library.statistics.heard import heard_on_days
from library.tasks.new_sources import note_first_sources, note_other_sources
from library.tasks.renditions import renew

CHANGES_PER_PAGE = 50  # of the history


def page_context(request: HttpRequest, clip: Clip | None, *, may_write: bool) -> dict[str, Any]:
    """Return the template's variables beyond the form; clip is None on the page that adds one."""
    return {
        "may_write": may_write,
        "size": format_size(clip.size_bytes) if clip and clip.size_bytes else "",
        "failure": cause_sentence(clip.health_reason) if clip else "",
        "sound": sound_of(clip) if clip else None,
        "preview": preview_context(clip) if clip else None,
        "heard": _heard(clip) if clip else None,
        "page_id": uuid.uuid4(),
        "duplicates": known_duplicates(clip) if clip else [],
        "file_was_lost": bool(request.FILES),
        "reports": _reports(request, clip) if clip else [],
    }


def _reports(request: HttpRequest, clip: Clip) -> list[Report]:
    """Return the open reports of a clip."""
    may_view = request.user.has_perm("library.view_report")
    return [*clip.reports.open()] if may_view else []


def _heard(clip: Clip) -> dict[str, Any]:
    """Return what was heard of a clip in the last 30 days."""
    today = timezone.now().astimezone(UTC).date()
    heard = heard_on_days(clip.pk, today - timedelta(days=29), today)
    return heard | {"median_percent": round(100 * (heard["median_share"] or 0))}


def json_result(response: Any) -> JsonResponse:
    """Turn the response to a POST into JSON for the page's script.

    When the form has errors, the page stays open and keeps the chosen file, which a browser does
    not let a page choose again.
    """
    if isinstance(response, HttpResponseRedirect):
        return JsonResponse({"location": response.url})
    form = response.context_data["adminform"].form
    errors = {name: list(sentences) for name, sentences in form.errors.items()}
    return JsonResponse({"errors": errors, "values": form.renewed}, status=422)


def save_clip(request: HttpRequest, clip: Clip, form: ClipForm, change: bool) -> None:
    """Save only the form's fields, since other requests may write the others at the same time."""
    if not change:
        clip.save()
    elif history.change_message(form.before, history.values_of(clip)):
        clip.save(update_fields=form.written)
        if not set(PREVIEW_FIELDS).isdisjoint(form.changed_data):
            renew([clip.pk])
    if form.has_new_source:
        _note_source(request, clip, change)
    before = form.before["audio_file"].name
    if before and before != clip.audio_file.name:
        uploads.delete_replaced(before)
    if form.truncation:
        messages.warning(request, form.truncation)
    if form.duration_in_doubt:
        messages.warning(
            request,
            f"The file is {form.measured:g} seconds long, but the duration of “{clip}” is set to"
            f" {clip.duration:g}. Correct it if that is a mistake.",
        )


def _note_source(request: HttpRequest, clip: Clip, change: bool) -> None:
    """Have another source analysed, and warn of clips with the same URL or the same file."""
    digest = None
    if clip.audio_file:
        with clip.audio_file.storage.open(str(clip.audio_file)) as file:
            digest = sha256_of(file)
    (note_other_sources if change else note_first_sources)([clip], digest)
    if "_continue" in request.POST:
        return  # to the clip's page, which says so itself
    if known := known_duplicates(clip):
        names = ", ".join(f"“{other.clip}” ({other.reason})" for other in known)
        link = reverse("admin:library_clip_duplicates", args=[clip.pk])
        messages.warning(
            request,
            format_html(
                'Already in the library: {}. <a href="{}" class="underline">Compare</a>',
                names,
                link,
            ),
        )


def history_context(clip: Clip, page_number: str) -> dict[str, Any]:
    """Return the template's context: a page of the clip's changes, the newest first."""
    page = Paginator(history.entries_of(clip), CHANGES_PER_PAGE).get_page(page_number)
    return {
        "title": f"History of “{clip}”",
        "page": page,
        "changes": [_change(entry) for entry in page],
        # Samples, and clips added by anonymous clients of the API, have no entry of their addition.
        "added_unsigned": not page.has_next() and not any(entry.is_addition() for entry in page),
    }


def _change(entry: LogEntry) -> dict[str, Any]:
    """Describe an entry of the log; each of `fields` is a label, an old and a new value."""
    values, action = history.changed_values(entry), action_of(entry)
    if action == "Changed" and not values:
        action = entry.get_change_message() or action
    return {
        "at": entry.action_time,
        "author": history.author(entry),
        "action": action,
        "fields": values,
    }
