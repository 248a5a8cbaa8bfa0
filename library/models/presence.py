"""Who has which clip open for editing, so that editors see one another."""

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

# A page tells every 15 seconds that it is still open, but browsers let one that lies in the
# background speak once a minute. A page that is closed says so; this is for those that cannot.
OLD = timedelta(seconds=75)


class PresenceQuerySet(models.QuerySet["Presence"]):
    """Pages on which clips are edited at this moment, and those not yet purged."""

    def announce(self, page: UUID, clip: Clip, user: "User") -> None:
        """Note that a page is open, and forget those that were not heard of for long."""
        now = timezone.now()
        self.filter(seen_at__lt=now - OLD).delete()
        self.bulk_create(
            [Presence(page=page, clip=clip, user=user, since=now, seen_at=now)],
            update_conflicts=True,
            unique_fields=["page"],
            update_fields=["seen_at"],
        )

    def leave(self, page: UUID, user: "User") -> None:
        """Note that a page of the user's is closed."""
        self.filter(page=page, user=user).delete()

    def beside(self, page: UUID, clip: Clip) -> Iterable["Presence"]:
        """Who else has the clip open, the first one first."""
        others = self.filter(clip=clip, seen_at__gte=timezone.now() - OLD).exclude(page=page)
        return others.select_related("user").order_by("since")


class Presence(models.Model):
    """A page in somebody's browser on which a clip is edited.

    The migration makes the table UNLOGGED: a commit every few seconds need not wait for the disk,
    and after a crash of PostgreSQL the open pages tell again.
    """

    page = models.UUIDField(primary_key=True)  # made with the page: two tabs are two
    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField()
    seen_at = models.DateTimeField()  # no index, the table is small

    objects = PresenceQuerySet.as_manager()
