"""The authentication backend of the back office."""

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User

from library.access.second_factor import AUTHENTICATOR


class EditorBackend(ModelBackend):
    """Django's backend, which also reads whether the user has a second factor.

    Every page of the back office needs to know. Reading it with the user saves a query.
    """

    def get_user(self, user_id: int) -> User | None:
        """Return the user, or None if the user was deleted or can no longer log in."""
        user = User.objects.annotate(authenticator=AUTHENTICATOR).filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None
