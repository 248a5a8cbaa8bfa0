"""How the back office looks: the settings of its theme, django-unfold."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy


def _item(title: str, icon: str, view: str, *permissions: str) -> dict[str, Any]:
    """A line of the sidebar, for those who have one of the permissions."""
    return {
        "title": title,
        "icon": icon,  # of Material Symbols, which the theme serves
        "link": reverse_lazy(f"admin:{view}"),
        "permission": lambda request: (
            not permissions or any(request.user.has_perm(name) for name in permissions)
        ),
    }


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Clips Service",
    "SITE_HEADER": "Clips Service",
    "SITE_SUBHEADER": "Back office",
    "SITE_SYMBOL": "graphic_eq",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("library/icon.svg"),
        }
    ],
    "DASHBOARD_CALLBACK": "library.admin.dashboard.dashboard",
    "STYLES": [lambda request: static("library/admin.css")],
    "SIDEBAR": {
        "show_search": False,
        "command_search": True,
        "show_all_applications": False,
        "navigation": [
            {"items": [_item("Dashboard", "dashboard", "index")]},
            {
                "title": "Library",
                "separator": True,
                "items": [
                    _item("Clips", "library_music", "library_clip_changelist", "library.view_clip"),
                    _item(
                        "Plays",
                        "play_circle",
                        "library_playevent_changelist",
                        "library.view_playevent",
                    ),
                ],
            },
            {
                "title": "People",
                "separator": True,
                "items": [
                    _item("Users", "person", "auth_user_changelist", "auth.view_user"),
                    _item("Groups", "group", "auth_group_changelist", "auth.view_group"),
                ],
            },
        ],
    },
}
