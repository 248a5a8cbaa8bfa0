"""Tokens that let machines use the API on behalf of an editor."""

import secrets
from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q
from django.utils import timezone

from library.database_errors import unless_read_only

PREFIX = "clips_"  # lets people and secret scanners recognise a leaked token
USE_RECORDED_EVERY = timedelta(minutes=1)


def secret_digest(secret: str) -> bytes:
    """Return the hash by which a token is found."""
    # 32 random bytes cannot be guessed, so they need neither a salt nor a slow hash.
    return sha256(secret.encode()).digest()


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """Tokens, including revoked ones."""

    def in_force(self) -> "ApiTokenQuerySet":
        """Return valid tokens: not revoked, and of a user who may log in to the back office."""
        return self.filter(revoked_at=None, user__is_active=True, user__is_staff=True)

    def of_secret(self, secret: str) -> "ApiTokenQuerySet":
        """Return the token with this secret, if it exists."""
        return self.filter(digest=secret_digest(secret))

    def issue(self, user: User, name: str) -> str:
        """Create a token and return its secret, which is stored nowhere.

        Raises IntegrityError if the user has a valid token of this name.
        """
        secret = PREFIX + secrets.token_urlsafe(32)
        self.create(user=user, name=name, digest=secret_digest(secret))
        return secret


class ApiToken(models.Model):
    """The right to act as a user for anyone who knows the secret. Only its hash is stored."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=100, help_text="The program that uses the token.")
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        verbose_name = "API token"
        constraints = (
            models.UniqueConstraint(
                name="api_token_name_in_force_once",  # a revoked token frees its name
                fields=("user", "name"),
                condition=Q(revoked_at=None),
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"

    def note_use(self) -> None:
        """Record the time of use to the minute, so that few requests have to write it."""
        now = timezone.now()
        if self.last_used_at is None or now - self.last_used_at >= USE_RECORDED_EVERY:
            with unless_read_only():
                ApiToken.objects.filter(pk=self.pk).update(last_used_at=now)

    def revoke(self) -> None:
        self.revoked_at = timezone.now()
        self.save(update_fields=["revoked_at"])
