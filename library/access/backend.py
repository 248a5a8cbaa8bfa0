"""How the user of a session is read."""

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User

from library.access.second_factor import AUTHENTICATOR


class EditorBackend(ModelBackend):
    """Passwords and permissions as Django has them; whoever is logged in, with their second factor.

    Each page of the back office asks for it: like this none pays a query for it.
    """

    def get_user(self, user_id: int) -> User | None:
        """The user, unless there is none or they may not log in any more."""
        user = User.objects.annotate(authenticator=AUTHENTICATOR).filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None
