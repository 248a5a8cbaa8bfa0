"""What a row of the list tells of a clip."""

from django.contrib import admin
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from library.admin.base import ModelAdmin
from library.admin.clips.sparkline import sparkline
from library.audio.errors import CAUSES
from library.models import Clip, Health, State

TAGS_SHOWN = 4
STATE_COLOURS = {State.DRAFT: "warning", State.PUBLISHED: "success", State.WITHDRAWN: "danger"}


def badge(text: str, colour: str = "") -> SafeString:
    """A word on a coloured ground: `success`, `warning`, `danger`, or grey."""
    return format_html('<span class="badge badge-{}">{}</span>', colour or "plain", text)


class ClipColumns(ModelAdmin[Clip]):
    """The columns; those that sort do so by an index, but for plays."""

    list_display = (
        "heading",
        "listen",
        "shown_genre",
        "shown_length",
        "plays",
        "lately",
        "source",
        "shown_state",
    )

    @admin.display(description="title", ordering=Lower("title"))
    def heading(self, clip: Clip) -> str:
        """The title, which leads to the clip's page."""
        return clip.title

    def beneath(self, clip: Clip) -> str:
        """Whose it is, and its tags: a line under the title."""
        tags = ", ".join(clip.tags[:TAGS_SHOWN]) + ", …" * (len(clip.tags) > TAGS_SHOWN)
        return " · ".join(part for part in (clip.creator, tags) if part)

    @admin.display(description="listen")
    def listen(self, clip: Clip) -> SafeString:
        """A small player, which counts no play and asks for nothing before it is told to."""
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
    def shown_genre(self, clip: Clip) -> str:
        """As it is written."""
        return clip.genre

    @admin.display(description="duration", ordering="duration")
    def shown_length(self, clip: Clip) -> str:
        """Minutes and seconds."""
        return clip.length

    @admin.display(description="plays", ordering="play_count")
    def plays(self, clip: Clip) -> SafeString:
        """All plays there were."""
        return format_html('{} <span class="narrow">in all</span>', f"{clip.play_count:,}")

    @admin.display(description="30 days")
    def lately(self, clip: Clip) -> SafeString:
        """The plays of the last days (UTC), which the list has put on the clip."""
        days: list[int] = getattr(clip, "plays_by_day", [])
        return format_html(
            '{} <span class="sparkline-sum">{} <span class="narrow">in 30 days</span></span>',
            sparkline(days, timezone.now().date()),
            f"{sum(days):,}",
        )

    @admin.display(description="source")
    def source(self, clip: Clip) -> SafeString:
        """Where the audio is; whether it can be had, and if not, why and since when."""
        return format_html(
            '<span class="source-cell"><span class="material-symbols-outlined" role="img"'
            ' title="{kind}" aria-label="{kind}">{icon}</span> {health}</span>{why}',
            kind="From an upload" if clip.audio_file else "From a URL",
            icon="upload_file" if clip.audio_file else "link",
            health=_health(clip),
            why=_why(clip),
        )

    @admin.display(description="state")
    def shown_state(self, clip: Clip) -> SafeString:
        """Draft, published or withdrawn; of a deleted clip, that it is deleted."""
        if clip.deleted_at is not None:
            return badge("deleted", "danger")
        return badge(clip.state, STATE_COLOURS[State(clip.state)])


def _health(clip: Clip) -> SafeString:
    if clip.health == Health.FAILING:
        return badge("failing", "danger")
    if clip.audio_file:
        return badge("uploaded")
    return badge("ok", "success") if clip.health == Health.OK else badge("unchecked")


def _why(clip: Clip) -> SafeString | str:
    if clip.health != Health.FAILING:
        return ""
    code = clip.health_reason or ""
    since = timesince(clip.health_since, depth=1) if clip.health_since else ""
    told = [code.removeprefix("origin_").replace("_", " "), f"for {since}" if since else ""]
    return format_html(
        ' <span class="beneath" title="{}">{}</span>',
        CAUSES[code].sentence if code in CAUSES else "",
        ", ".join(part for part in told if part),
    )
