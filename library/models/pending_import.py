"""Files whose import has not been confirmed yet."""

from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.utils import timezone

from library.models.clip import State

KEPT_FOR = timedelta(hours=24)


class PendingImportQuerySet(models.QuerySet["PendingImport"]):
    """Uploaded files, including expired ones."""

    def waiting(self) -> "PendingImportQuerySet":
        """Return the files that can still be confirmed."""
        return self.filter(created_at__gt=timezone.now() - KEPT_FOR)

    def forget_old(self) -> int:
        """Delete the expired files and return their number."""
        return self.filter(created_at__lte=timezone.now() - KEPT_FOR).delete()[0]


class PendingImport(models.Model):
    """A file of clips between its preview and its confirmation.

    The database makes it available to all web processes on all machines, and only to its user. A
    temporary file would exist on one machine, for anyone who knows its name.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=255)
    data = models.BinaryField()
    state = models.CharField(max_length=9, choices=State, help_text="Of new clips.")
    created_at = models.DateTimeField(default=timezone.now)

    objects = PendingImportQuerySet.as_manager()

    class Meta:
        default_permissions = ()
