"""The editors who have a clip open, so that they can see each other."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils import timezone

from library.models.clip import Clip

if TYPE_CHECKING:
    from django.contrib.auth.models import User

# An open page reports every 15 seconds, but browsers allow background pages one report a minute. A
# page also reports when it is closed; the limit covers pages that cannot.
OLD = timedelta(seconds=75)


class PresenceQuerySet(models.QuerySet["Presence"]):
    """Open pages, and closed ones that have not been purged yet."""

    def announce(self, page: UUID, clip: Clip, user: "User") -> None:
        """Record that a page is open, and delete the pages that have stopped reporting."""
        now = timezone.now()
        self.filter(seen_at__lt=now - OLD).delete()
        self.bulk_create(
            [Presence(page=page, clip=clip, user=user, since=now, seen_at=now)],
            update_conflicts=True,
            unique_fields=["page"],
            update_fields=["seen_at"],
        )

    def leave(self, page: UUID, user: "User") -> None:
        """Record that the user has closed a page."""
        self.filter(page=page, user=user).delete()

    def beside(self, page: UUID, clip: Clip) -> Iterable["Presence"]:
        """Return the other pages on which the clip is open, oldest first."""
        others = self.filter(clip=clip, seen_at__gte=timezone.now() - OLD).exclude(page=page)
        return others.select_related("user").order_by("since")


class Presence(models.Model):
    """A page in an editor's browser on which a clip is open.

    The migration makes the table UNLOGGED: a commit every few seconds need not wait for the disk,
    and after a crash of PostgreSQL the open pages report again.
    """

    page = models.UUIDField(primary_key=True)  # generated with the page, so two tabs have two
    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField()
    seen_at = models.DateTimeField()  # no index, the table is small

    objects = PresenceQuerySet.as_manager()
