"""Permissions of the API."""

from django.conf import settings
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from library.api.errors import PermissionMissing

EDITORS_NEED = {
    "create": "library.add_clip",
    "bulk": "library.add_clip",
    "partial_update": "library.change_clip",
    "destroy": "library.delete_clip",
}
OPEN = frozenset(("create", "bulk"))  # to anyone if CLIPS_API_WRITES is `open`


class ReadOrEdit(BasePermission):
    """Anyone may read; editors may write, with the same permissions as in the back office."""

    message = PermissionMissing.default_detail

    def has_permission(self, request: Request, view: object) -> bool:
        action = getattr(view, "action", None)  # None for a method that will get a 405
        needed = EDITORS_NEED.get(str(action))
        if needed is None or (action in OPEN and settings.CLIPS_API_WRITES == "open"):
            return True
        user = request.user
        return user is not None and bool(user.has_perm(needed))
