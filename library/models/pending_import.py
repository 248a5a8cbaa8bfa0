"""Files that wait for their import to be confirmed."""

from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.utils import timezone

from library.models.clip import State

KEPT_FOR = timedelta(hours=24)


class PendingImportQuerySet(models.QuerySet["PendingImport"]):
    """Files, some of which have waited too long."""

    def waiting(self) -> "PendingImportQuerySet":
        """Those that may still be confirmed."""
        return self.filter(created_at__gt=timezone.now() - KEPT_FOR)

    def forget_old(self) -> int:
        """Delete those that nobody confirmed in time; returns how many."""
        return self.filter(created_at__lte=timezone.now() - KEPT_FOR).delete()[0]


class PendingImport(models.Model):
    """A file of clips between its preview and the word of who chose it.

    In the database, where all web processes of all machines find it, and only for its user: a name
    in the form of a temporary file would be found on one machine, by whoever knows it.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=255)
    data = models.BinaryField()
    state = models.CharField(max_length=9, choices=State, help_text="Of new clips.")
    created_at = models.DateTimeField(default=timezone.now)

    objects = PendingImportQuerySet.as_manager()

    class Meta:
        """Nobody needs permissions on these."""

        default_permissions = ()
