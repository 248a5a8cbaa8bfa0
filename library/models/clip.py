"""Clips."""

from pathlib import PurePosixPath
from typing import Any

from django.contrib.postgres.indexes import GinIndex, HashIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Concat, Lower
from django.utils import timezone

from library.durations import minutes_and_seconds
from library.licences import LICENCES, Licence, attribution, licence_choices
from library.models.canonical import CanonicalCharField
from library.models.fields import CHECKS, DECISIONS, PLAYS, SOUND, written_by
from library.models.search import CLIP_WORDS
from library.models.tag import TagsField
from library.models.text import BlockField, LineField
from library.validators import (
    ISRC_LENGTH,
    normalise_isrc,
    normalise_licence,
    validate_audio_url,
    validate_web_url,
)

MAX_DURATION = 3600  # seconds; this is a library of short previews
SHORTEST_PREVIEW, LONGEST_PREVIEW, LONGEST_FADE = 5, 60, 10  # seconds
LONGEST_STEM, LONGEST_SUFFIX = 120, 8  # of an upload's name: bytes, characters
REASON_LENGTH = 300  # characters of the reason for withdrawing a clip

AVAILABLE = "deleted_at IS NULL AND state = 'published'"  # `available()` in SQL
NOT_SAVED = frozenset(written_by(PLAYS, DECISIONS))


# Facts by which lists are filtered.
FACTS: tuple[tuple[str, models.Field[Any, Any]], ...] = (
    ("loudness", models.FloatField()),
    ("channels", models.IntegerField()),
    ("lossless", models.BooleanField()),
)


def fact(name: str, field: models.Field[Any, Any]) -> Cast:
    """Return the expression for a fact of a clip's audio; NULL if it is unknown."""
    return Cast(KeyTextTransform(name, "audio"), field)


def upload_path(clip: "Clip", filename: str) -> str:
    """Return the path of an upload below MEDIA_ROOT. File systems limit the bytes of a name."""
    name = PurePosixPath(filename)
    stem = name.stem.encode("utf-8", "ignore")[:LONGEST_STEM].decode("utf-8", "ignore")
    return f"uploads/{timezone.now():%Y/%m}/{stem}{name.suffix[:LONGEST_SUFFIX]}"


class State(models.TextChoices):
    """Whether the public can list and play a clip."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class ClipQuerySet(models.QuerySet["Clip"]):
    """Clips, including deleted ones: they keep their rows, and so their plays."""

    def available(self) -> "ClipQuerySet":
        """Return the clips that the public can list and play."""
        return self.not_deleted().filter(state=State.PUBLISHED)

    def not_deleted(self) -> "ClipQuerySet":
        """Return the clips that editors work on."""
        return self.filter(deleted_at=None)

    def publish(self) -> int:
        """Publish the clips. Return how many changed."""
        return self._change_state(State.PUBLISHED)

    def make_draft(self) -> int:
        """Hide the clips from the public as drafts. Return how many changed."""
        return self._change_state(State.DRAFT)

    def withdraw(self, reason: str) -> int:
        """Hide the clips from the public, which sees the reason. Return how many changed."""
        return self._change_state(State.WITHDRAWN, reason)

    def _change_state(self, state: State, reason: str | None = None) -> int:
        return (
            self.not_deleted()
            .exclude(state=state, withdrawn_reason=reason)
            .update(state=state, withdrawn_reason=reason, updated_at=timezone.now())
        )

    def mark_deleted(self) -> int:
        """Mark the clips as deleted, and return how many were not deleted before.

        Their plays stay counted. Clips that were deleted before keep the time of their deletion.
        """
        now = timezone.now()
        return self.not_deleted().update(deleted_at=now, updated_at=now)

    def note_source(self, failure: str | None, content_type: str | None, size: int | None) -> int:
        """Record the result of a check of the clips' source. Return the number of clips.

        `failure` is the error code if the audio is unavailable. Values that the check could not
        determine stay unchanged. So does `updated_at`, and with it the version that an editor's
        If-Match names, because no editor has changed the clips.
        """
        now = timezone.now()
        found = Health.FAILING if failure else Health.OK
        return self.update(
            health=found,
            health_reason=failure,
            health_since=Case(
                When(health=found, health_since__isnull=False, then=F("health_since")), default=now
            ),
            health_checked_at=now,
            content_type=Coalesce(Value(content_type), F("content_type")),
            size_bytes=Coalesce(Value(size), F("size_bytes")),
        )

    def needing_analysis(self) -> "ClipQuerySet":
        """Return the clips whose audio is not analysed, except those that must wait for a retry.

        Other bytes from the same source are noticed when the audio is opened.
        """
        outdated = ~Q(analysis__source=Concat("audio_url", "audio_file"))
        unknown = Q(audio__isnull=True, analysis__failure__isnull=True)
        return (
            self.not_deleted()
            .exclude(state=State.WITHDRAWN)
            .filter(unknown | outdated | Q(analysis__obstacle__isnull=False))
            .exclude(analysis__next_attempt_at__gt=timezone.now())
        )

    def restore(self) -> int:
        """Restore the deleted clips, and return how many there were."""
        return self.exclude(deleted_at=None).update(deleted_at=None, updated_at=timezone.now())


class Health(models.TextChoices):
    """The result of the last check of a clip's source."""

    UNCHECKED = "unchecked"
    OK = "ok"
    FAILING = "failing"


class Clip(models.Model):
    """A short piece of audio: its metadata, and the source of its audio."""

    title = LineField(max_length=200)
    description = BlockField(max_length=5000, blank=True)
    genre = LineField(max_length=64)
    duration = models.FloatField(
        help_text="Seconds.",
        validators=[MinValueValidator(0.001), MaxValueValidator(MAX_DURATION)],
        error_messages={
            "min_value": "The duration must be above 0.",
            "max_value": f"The duration must be at most {MAX_DURATION} seconds.",
        },
    )
    # Only `publish()`, `make_draft()`, `withdraw()` and an import change it, with one statement for
    # many clips. A new clip may have any state.
    state = models.CharField(max_length=9, choices=State, default=State.PUBLISHED, editable=False)
    withdrawn_reason = LineField(
        max_length=REASON_LENGTH, null=True, editable=False, help_text="The public sees it."
    )
    audio_url = models.CharField(
        "audio URL",
        max_length=2000,
        blank=True,
        validators=[validate_audio_url],
        help_text="http(s) address of the audio. Leave empty if you upload a file.",
    )
    audio_file = models.FileField(
        upload_to=upload_path, max_length=255, blank=True, help_text="Leave empty if it has a URL."
    )
    # How to make the preview. Unknown values are NULL: see library/renditions/excerpt.py.
    preview_start = models.FloatField(
        "start",
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(MAX_DURATION)],
        error_messages=dict.fromkeys(
            ("min_value", "max_value"), f"The start must be from 0 to {MAX_DURATION} seconds."
        ),
        help_text="Seconds. Leave empty to start with the loudest part.",
    )
    preview_length = models.FloatField(
        "length",
        null=True,
        blank=True,
        validators=[MinValueValidator(SHORTEST_PREVIEW), MaxValueValidator(LONGEST_PREVIEW)],
        error_messages=dict.fromkeys(
            ("min_value", "max_value"),
            f"A preview lasts {SHORTEST_PREVIEW} to {LONGEST_PREVIEW} seconds.",
        ),
        help_text=f"Seconds, {SHORTEST_PREVIEW} to {LONGEST_PREVIEW}. Leave empty for 30.",
    )
    preview_fade_in = models.FloatField(
        "fade-in",
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(LONGEST_FADE)],
        error_messages=dict.fromkeys(
            ("min_value", "max_value"), f"A fade lasts 0 to {LONGEST_FADE} seconds."
        ),
        help_text="Seconds. Leave empty for 0.1, or for none at the start of the audio.",
    )
    preview_fade_out = models.FloatField(
        "fade-out",
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(LONGEST_FADE)],
        error_messages=dict.fromkeys(
            ("min_value", "max_value"), f"A fade lasts 0 to {LONGEST_FADE} seconds."
        ),
        help_text="Seconds. Leave empty for 1, or for none at the end of the audio.",
    )
    tags = TagsField(default=list, blank=True, help_text="Separated by commas.")
    # Unknown values are NULL; the empty text is not valid.
    creator = LineField(max_length=200, null=True, blank=True, help_text="Whom to credit.")
    creator_url = models.CharField(
        "creator URL", max_length=2000, null=True, blank=True, validators=[validate_web_url]
    )
    licence = CanonicalCharField(
        max_length=20, null=True, blank=True, choices=licence_choices, canonical=normalise_licence
    )
    isrc = CanonicalCharField(
        "ISRC",
        max_length=ISRC_LENGTH,
        null=True,
        blank=True,
        canonical=normalise_isrc,
        help_text="International Standard Recording Code, such as US-S1Z-99-00001.",
    )
    # The result of the last check of the source; NULL until there is one.
    content_type = models.CharField(max_length=100, null=True, editable=False)
    size_bytes = models.PositiveBigIntegerField(null=True, editable=False)
    health = models.CharField(
        max_length=9, choices=Health.choices, default=Health.UNCHECKED, editable=False
    )
    health_reason = models.CharField(max_length=64, null=True, editable=False)
    health_since = models.DateTimeField(null=True, editable=False)
    health_checked_at = models.DateTimeField(null=True, editable=False)
    # Public facts of the current audio, and the renditions that exist; NULL until there are any.
    # They are in the clip's row, so that lists need no join and the clip's version covers them.
    audio = models.JSONField(null=True, editable=False)
    renditions = models.JSONField(null=True, editable=False)
    # PostgreSQL generates it. No play changes it, so the update of a play stays HOT.
    search_vector = models.GeneratedField(
        expression=CLIP_WORDS, output_field=SearchVectorField(), db_persist=True
    )
    play_count = models.PositiveBigIntegerField(default=0, editable=False)
    # Plays by people, without the check of a positive integer (see Meta). During an upgrade,
    # processes that don't know it add clips.
    people_count = models.BigIntegerField(default=0, db_default=0, editable=False)
    first_played_at = models.DateTimeField(null=True, editable=False)
    last_played_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    # Few clips are deleted, drafts or withdrawn, so `available()` skips them while it reads the
    # primary key and needs no index.
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = ClipQuerySet.as_manager()

    class Meta:
        """Each order of the list has an index that ends in `id`, for paging.

        The exception is `play_count`: with an index on it, every play would rewrite all indexes (no
        HOT updates), so clips are sorted by plays without one. The order by recent plays is that of
        RecentPlays. There are few check constraints, because PostgreSQL reads all of them for each
        statement, the update of a play included (benchmarks/RESULTS.md).
        """

        ordering = ("id",)
        permissions = (
            ("import_clip", "Can import clips from files"),
            ("export_clip", "Can export clips to files"),
        )
        indexes = (
            models.Index(Lower("title"), "id", name="clip_title"),  # by title, ignoring case
            models.Index(fields=("duration", "id"), name="clip_duration"),  # and its limits
            models.Index(fields=("created_at", "id"), name="clip_created_at"),
            models.Index(fields=("updated_at", "id"), name="clip_updated_at"),
            models.Index(Lower("genre"), "id", name="clip_genre"),  # clips of a genre by id
            # Most clips may have neither, and then write neither index.
            models.Index(
                Lower("creator"), "id", name="clip_creator", condition=Q(creator__isnull=False)
            ),
            models.Index(
                fields=("licence", "id"), name="clip_licence", condition=Q(licence__isnull=False)
            ),
            GinIndex(fields=("tags",), name="clip_tags"),  # clips with all of several tags
            GinIndex(fields=("search_vector",), name="clip_search"),  # words and their prefixes
            # Finds the clips of a recording among 100,000 in 8 ms instead of 70; plays stay HOT.
            models.Index(fields=("isrc", "id"), name="clip_isrc", condition=Q(isrc__isnull=False)),
            # Find clips by facts of their audio among 100,000. Plays stay HOT, and adding a clip
            # writes none of them.
            *(
                models.Index(
                    fact(name, output), "id", name=f"clip_{name}", condition=Q(audio__isnull=False)
                )
                for name, output in FACTS
            ),
            # Finds clips of the same URL. A hash, because a URL may be too long for a B-tree.
            HashIndex(fields=("audio_url",), name="clip_audio_url", condition=~Q(audio_url="")),
            # the few clips that need an editor
            models.Index(fields=("id",), name="clip_failing", condition=Q(health=Health.FAILING)),
            models.Index(
                fields=("state", "id"),
                name="clip_not_published",
                condition=~Q(state=State.PUBLISHED),
            ),
        )
        constraints = (
            models.CheckConstraint(
                name="clip_title_not_blank",
                condition=Q(title__regex=r"\S"),
                violation_error_message="A clip needs a title.",
            ),
            models.CheckConstraint(
                name="clip_genre_not_blank",
                condition=Q(genre__regex=r"\S"),
                violation_error_message="A clip needs a genre.",
            ),
            models.CheckConstraint(
                name="clip_duration_in_range",
                condition=Q(duration__gt=0, duration__lte=MAX_DURATION),
                violation_error_message="The duration must be above 0 and at most 3600 seconds.",
            ),
            models.CheckConstraint(
                name="clip_one_audio_source",
                condition=Q(audio_url="") ^ Q(audio_file=""),
                violation_error_message="Give either an audio URL or an audio file.",
            ),
        )

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the clip and set `updated_at`, except for the fields of plays and decisions.

        The values of these that this instance read may be outdated: writing them back would lose
        the plays recorded since, or undo a deletion or a withdrawal. Only `library.plays` changes
        the former, and only the methods of the queryset and an import change the latter.
        """
        if not self._state.adding:
            self.updated_at = timezone.now()
            changed = kwargs.get("update_fields")
            if changed is None:
                changed = [f.name for f in self._meta.concrete_fields if not f.primary_key]
            kwargs["update_fields"] = {*changed, "updated_at"} - NOT_SAVED
        super().save(*args, **kwargs)

    def forget_audio(self) -> None:
        """Reset what is known about the audio, because the clip gets another source."""
        for name in written_by(CHECKS, SOUND):
            setattr(self, name, getattr(Clip, name).field.get_default())

    @property
    def source(self) -> str:
        """The URL, or the name of the file. A clip has exactly one of them."""
        return self.audio_url or str(self.audio_file.name)

    @property
    def terms(self) -> Licence | None:
        """The licence with its name and URL."""
        return LICENCES.get(self.licence or "")

    @property
    def attribution(self) -> str | None:
        """The credit line, if there is a creator or a licence."""
        return attribution(self.title, self.creator, self.terms)

    @property
    def length(self) -> str:
        """The duration in minutes and seconds."""
        return minutes_and_seconds(self.duration)
