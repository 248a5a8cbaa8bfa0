"""Clips."""

from pathlib import PurePosixPath
from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce, Lower
from django.utils import timezone

from library.licences import LICENCES, Licence, attribution, licence_choices
from library.models.canonical import CanonicalCharField
from library.models.fields import CHECKS, DECISIONS, PLAYS, written_by
from library.models.search import CLIP_WORDS
from library.models.tag import TagsField
from library.validators import normalise_licence, validate_audio_url, validate_web_url

MAX_DURATION = 3600  # seconds; this is a library of short previews
REASON_LENGTH = 300  # characters of the reason for withdrawing a clip

NOT_SAVED = frozenset(written_by(PLAYS, DECISIONS))


def upload_path(clip: "Clip", filename: str) -> str:
    """Where an uploaded file is stored, below MEDIA_ROOT."""
    return f"uploads/{timezone.now():%Y/%m}/{PurePosixPath(filename).name}"


class State(models.TextChoices):
    """Whether a clip is shown to the public."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class ClipQuerySet(models.QuerySet["Clip"]):
    """Clips, some of which may be deleted: a deleted clip keeps its row, and so its plays."""

    def available(self) -> "ClipQuerySet":
        """Those that the public may list and hear: published, and not deleted."""
        return self.not_deleted().filter(state=State.PUBLISHED)

    def not_deleted(self) -> "ClipQuerySet":
        """Those that editors work on."""
        return self.filter(deleted_at=None)

    def publish(self) -> int:
        """Show these clips to the public; returns how many were not shown before."""
        return self._change_state(State.PUBLISHED)

    def make_draft(self) -> int:
        """Take these clips back as if they had never been published; returns how many were."""
        return self._change_state(State.DRAFT)

    def withdraw(self, reason: str) -> int:
        """Take these clips away from the public, who is told why; returns how many it took."""
        return self._change_state(State.WITHDRAWN, reason)

    def _change_state(self, state: State, reason: str | None = None) -> int:
        return (
            self.not_deleted()
            .exclude(state=state, withdrawn_reason=reason)
            .update(state=state, withdrawn_reason=reason, updated_at=timezone.now())
        )

    def mark_deleted(self) -> int:
        """Delete these clips so that they can be restored; returns how many there were to delete.

        Their plays stay counted, and what was deleted before keeps its time.
        """
        now = timezone.now()
        return self.not_deleted().update(deleted_at=now, updated_at=now)

    def note_source(self, failure: str | None, content_type: str | None, size: int | None) -> int:
        """Note what was found at the source of these clips just now; returns how many there were.

        `failure` is the code of why their audio cannot be had. What could not be told this time
        stays as it was. Not a change that somebody made: `updated_at`, and with it the version
        that an editor's If-Match names, stays too.
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

    def restore(self) -> int:
        """Undo the deletion of these clips; returns how many were deleted."""
        return self.exclude(deleted_at=None).update(deleted_at=None, updated_at=timezone.now())


class Health(models.TextChoices):
    """Whether a clip's audio could be had when it was last looked at."""

    UNCHECKED = "unchecked"
    OK = "ok"
    FAILING = "failing"


class Clip(models.Model):
    """A short piece of audio: what it is, and where its bytes come from."""

    title = models.CharField(max_length=200)
    description = models.TextField(max_length=5000, blank=True)
    genre = models.CharField(max_length=64)
    duration = models.FloatField(
        help_text="Seconds.", validators=[MinValueValidator(0.001), MaxValueValidator(MAX_DURATION)]
    )
    # Only `publish()`, `make_draft()`, `withdraw()` and an import change it, so that many clips are
    # changed by one statement; a clip is made in any of them.
    state = models.CharField(max_length=9, choices=State, default=State.PUBLISHED, editable=False)
    withdrawn_reason = models.CharField(
        max_length=REASON_LENGTH, null=True, editable=False, help_text="What the public is told."
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
    tags = TagsField(default=list, blank=True, help_text="Separated by commas.")
    # Of what nobody told, NULL; "" is no name, no address and no licence.
    creator = models.CharField(max_length=200, null=True, blank=True, help_text="Whom to credit.")
    creator_url = models.CharField(
        "creator URL", max_length=2000, null=True, blank=True, validators=[validate_web_url]
    )
    licence = CanonicalCharField(
        max_length=20,
        null=True,
        blank=True,
        choices=licence_choices,
        canonical=normalise_licence,
    )
    # What the audio turned out to be, and whether it could be had; unknown until somebody looked.
    content_type = models.CharField(max_length=100, null=True, editable=False)
    size_bytes = models.PositiveBigIntegerField(null=True, editable=False)
    health = models.CharField(
        max_length=9, choices=Health.choices, default=Health.UNCHECKED, editable=False
    )
    health_reason = models.CharField(max_length=64, null=True, editable=False)
    health_since = models.DateTimeField(null=True, editable=False)
    health_checked_at = models.DateTimeField(null=True, editable=False)
    # Kept by PostgreSQL; as no play changes it, it leaves a play's update HOT.
    search_vector = models.GeneratedField(
        expression=CLIP_WORDS, output_field=SearchVectorField(), db_persist=True
    )
    play_count = models.PositiveBigIntegerField(default=0, editable=False)
    first_played_at = models.DateTimeField(null=True, editable=False)
    last_played_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    # Deleted clips are few, as are drafts and withdrawn ones: `available()` reads past them by the
    # primary key, without an index.
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = ClipQuerySet.as_manager()

    class Meta:
        """Each order of the list has an index that ends in `id`, on which its pages are cut.

        All but play_count: an index on it would make every play's update rewrite all indexes (no
        HOT updates). Clips by plays are sorted instead. PostgreSQL reads every check constraint
        anew for each statement, a play's update too (benchmarks/RESULTS.md): so only what no
        form and no serializer alone can promise has one.
        """

        ordering = ("id",)
        permissions = (
            ("import_clip", "Can import clips from files"),
            ("export_clip", "Can export clips to files"),
        )
        indexes = (
            models.Index(Lower("title"), "id", name="clip_title"),  # by title, case aside
            models.Index(
                fields=("duration", "id"), name="clip_duration"
            ),  # by duration; bounds on it
            models.Index(fields=("created_at", "id"), name="clip_created_at"),  # newest, oldest
            models.Index(Lower("genre"), "id", name="clip_genre"),  # a genre's clips by id
            GinIndex(fields=("tags",), name="clip_tags"),  # clips with all of some tags
            GinIndex(
                fields=("search_vector",), name="clip_search"
            ),  # words, and beginnings of words
            # the few clips that need an editor, among many that do not
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
                violation_error_message="The duration is above 0 and at most 3600 seconds.",
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
        """Reset what checks found out about the audio, because the clip gets another source."""
        for field in self._meta.concrete_fields:
            if field.name in written_by(CHECKS):
                setattr(self, field.name, field.get_default())

    @property
    def terms(self) -> Licence | None:
        """The licence with its name and address."""
        return LICENCES.get(self.licence or "")

    @property
    def attribution(self) -> str | None:
        """The credit line, if there is somebody or something to credit."""
        return attribution(self.title, self.creator, self.terms)

    @property
    def length(self) -> str:
        """The duration for people, as a player shows it: minutes and seconds."""
        minutes, seconds = divmod(int(self.duration + 0.5), 60)
        return f"{minutes}:{seconds:02d}"
