"""Who may do what."""

from django.conf import settings
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

EDITORS_NEED = {
    "create": "library.add_clip",
    "bulk": "library.add_clip",
    "partial_update": "library.change_clip",
    "destroy": "library.delete_clip",
}
OPEN = frozenset(("create", "bulk"))  # to anyone, as CLIPS_API_WRITES says


class ReadOrEdit(BasePermission):
    """Anyone reads; editors write, by the permissions that the back office knows."""

    message = "Your account may not do this: an administrator can give it the permission."

    def has_permission(self, request: Request, view: object) -> bool:
        """Judge by the view's action; a method that the path does not know is for 405."""
        action = getattr(view, "action", None)
        needed = EDITORS_NEED.get(str(action))
        if needed is None or (action in OPEN and settings.CLIPS_API_WRITES == "open"):
            return True
        user = request.user
        return user is not None and bool(user.has_perm(needed))
