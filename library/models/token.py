"""Tokens with which machines write in an editor's name."""

import secrets
from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q
from django.utils import timezone

PREFIX = "clips_"  # lets people and secret scanners see what a leaked string is
USE_NOTED_EVERY = timedelta(minutes=1)


def _digest(secret: str) -> bytes:
    # 32 random bytes cannot be guessed, so they need neither a salt nor a slow hash.
    return sha256(secret.encode()).digest()


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """Tokens, revoked ones included."""

    def in_force(self) -> "ApiTokenQuerySet":
        """Those that open something: not revoked, of a user who may log in."""
        return self.filter(revoked_at=None, user__is_active=True)

    def of_secret(self, secret: str) -> "ApiTokenQuerySet":
        """The one with this secret, or none."""
        return self.filter(digest=_digest(secret))

    def issue(self, user: User, name: str) -> str:
        """Make a token; its secret is returned here and kept nowhere.

        Raises IntegrityError if the user has one of this name in force.
        """
        secret = PREFIX + secrets.token_urlsafe(32)
        self.create(user=user, name=name, digest=_digest(secret))
        return secret


class ApiToken(models.Model):
    """The right to act as a user, shown by whoever knows its secret; only a hash is kept."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=100, help_text="What uses it.")
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        """A name is free again once its token is revoked."""

        ordering = ("id",)
        verbose_name = "API token"
        constraints = (
            models.UniqueConstraint(
                name="api_token_name_in_force_once",
                fields=("user", "name"),
                condition=Q(revoked_at=None),
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"

    def note_use(self) -> None:
        """Keep when it was last used, to the minute, so that few requests pay for a write."""
        now = timezone.now()
        if self.last_used_at is None or now - self.last_used_at >= USE_NOTED_EVERY:
            ApiToken.objects.filter(pk=self.pk).update(last_used_at=now)

    def revoke(self) -> None:
        """End it; what is revoked never comes back."""
        self.revoked_at = timezone.now()
        self.save(update_fields=["revoked_at"])
