"""The columns of the list of clips. Those that can be sorted have an index, except plays.

The functions are named unlike the fields of the form, since both become classes in CSS.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from django.contrib import admin
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from library.admin.base import cause_sentence
from library.models import Clip, Health, State

TAGS_SHOWN = 4
STEP, HEIGHT = 4, 24  # units of a sparkline: the width of a bar and its gap, the highest bar
STATE_COLOURS = {State.DRAFT: "warning", State.PUBLISHED: "success", State.WITHDRAWN: "danger"}


@admin.display(description="title", ordering=Lower("title"))
def heading(clip: Clip) -> str:
    """Return the title, which the list links to the clip's page."""
    return str(clip.title)


def subtitle(clip: Clip) -> str:
    """Return the creator and the first tags, shown below the title."""
    tags = ", ".join(clip.tags[:TAGS_SHOWN]) + ", …" * (len(clip.tags) > TAGS_SHOWN)
    return " · ".join(part for part in (clip.creator, tags) if part)


@admin.display(description="listen")
def listen(clip: Clip) -> SafeString:
    """Return a small player. It counts no play and loads nothing until it is started."""
    return format_html(
        '<div class="player"><audio preload="none" src="{url}"></audio>'
        '<button type="button" aria-label="Play {title}">'
        '<span class="material-symbols-outlined" aria-hidden="true">play_arrow</span></button>'
        '<input type="range" min="0" max="{seconds}" step="0.1" value="0"'
        ' aria-label="Position in {title}" aria-valuetext="0:00 of {length}">'
        '<span class="player-time">0:00</span><p role="alert" hidden></p></div>',
        url=reverse("admin:library_clip_audio", args=[clip.pk]),
        title=clip.title,
        seconds=round(clip.duration, 1),
        length=clip.length,
    )


@admin.display(description="genre", ordering=Lower("genre"))
def shown_genre(clip: Clip) -> str:
    """Return the genre in the editor's spelling; the list sorts it regardless of case."""
    return str(clip.genre)


@admin.display(description="duration", ordering="duration")
def shown_length(clip: Clip) -> str:
    """Return the duration in minutes and seconds."""
    return clip.length


@admin.display(description="plays", ordering="play_count")
def plays(clip: Clip) -> SafeString:
    """Return the number of plays since the clip was added."""
    return format_html('{} <span class="narrow">in total</span>', f"{clip.play_count:,}")


@admin.display(description="30 days")
def recent_plays(clip: Clip) -> SafeString:
    """Return a sparkline of the plays per day (UTC), which the list has set on the clip."""
    days: list[int] = getattr(clip, "plays_by_day", [])
    return format_html(
        '{} <span class="sparkline-sum">{} <span class="narrow">in 30 days</span></span>',
        sparkline(days, timezone.now().date()),
        f"{sum(days):,}",
    )


@admin.display(description="source")
def source(clip: Clip) -> SafeString:
    """Return where the audio is, whether it can be loaded, and if not, why and since when."""
    return format_html(
        '<span class="source-cell"><span class="material-symbols-outlined" role="img"'
        ' title="{kind}" aria-label="{kind}">{icon}</span> {health}</span>{failure}',
        kind="From an upload" if clip.audio_file else "From a URL",
        icon="upload_file" if clip.audio_file else "link",
        health=_health(clip),
        failure=_failure(clip),
    )


@admin.display(description="state")
def shown_state(clip: Clip) -> SafeString:
    """Return “deleted” for a deleted clip, otherwise its state."""
    if clip.deleted_at is not None:
        return _badge("deleted", "danger")
    return _badge(clip.state, STATE_COLOURS[State(clip.state)])


def _badge(text: str, colour: str = "plain") -> SafeString:
    """Return a word on a coloured ground: `success`, `warning`, `danger` or `plain`."""
    return format_html('<span class="badge badge-{}">{}</span>', colour, text)


def _health(clip: Clip) -> SafeString:
    if clip.health == Health.FAILING:
        return _badge("failing", "danger")
    if clip.audio_file:
        return _badge("uploaded")
    return _badge("ok", "success") if clip.health == Health.OK else _badge("unchecked")


def _failure(clip: Clip) -> SafeString | str:
    if clip.health != Health.FAILING:
        return ""
    code = clip.health_reason or ""
    since = timesince(clip.health_since, depth=1) if clip.health_since else ""
    parts = [code.removeprefix("origin_").replace("_", " "), f"for {since}" if since else ""]
    return format_html(
        ' <span class="beneath" title="{}">{}</span>',
        cause_sentence(code),
        ", ".join(part for part in parts if part),
    )


def sparkline(plays: Sequence[int], today: date) -> SafeString:
    """Return an SVG with a bar for each day, today's last, and its description as the title."""
    most = max(plays, default=0)
    bars = "".join(
        f"M{STEP * number + STEP // 2} {HEIGHT}v-{max(1, round(count / most * HEIGHT))}"
        for number, count in enumerate(plays)
        if count
    )
    return format_html(
        '<svg class="sparkline" viewBox="0 0 {width} {height}"'
        ' preserveAspectRatio="none" role="img"><title>{title}</title>'
        '<path class="sparkline-ground" d="M0 {height}h{width}"/><path d="{bars}"/></svg>',
        width=STEP * len(plays),
        height=HEIGHT,
        title=_description(plays, today),
        bars=bars,
    )


def _description(plays: Sequence[int], today: date) -> str:
    total, days = sum(plays), len(plays)
    if not total:
        return f"No plays in the last {days} days"
    most = max(plays)
    busiest = today - timedelta(days=days - 1 - plays.index(most))
    return (
        f"{total:,} play{'s' * (total != 1)} in the last {days} days,"
        f" the most on {date_format(busiest, 'j F')}: {most:,}"
    )
