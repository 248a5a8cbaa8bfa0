"""Settings of django-unfold, the theme of the back office: names, links, sidebar."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _item(title: str, icon: str, view: str, *permissions: str) -> dict[str, Any]:
    """Return an item of the sidebar, shown to users with one of the permissions."""
    return {
        "title": title,
        "icon": icon,  # a name of Material Symbols, which the theme serves
        "link": reverse_lazy(f"admin:{view}"),
        "permission": lambda request: (
            not permissions or any(request.user.has_perm(name) for name in permissions)
        ),
    }


def _account_links(request: HttpRequest) -> list[dict[str, Any]]:
    links = [{"title": "Change password", "link": reverse_lazy("admin:password_change")}]
    if settings.CLIPS_TWO_FACTOR != "off":
        links.append({"title": "Two-factor authentication", "link": reverse_lazy("two-factor")})
    return links


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Clips Service",
    "SITE_HEADER": "Clips Service",
    "SITE_SUBHEADER": "Back office",
    "SITE_SYMBOL": "graphic_eq",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("library/icon.svg")}
    ],
    "DASHBOARD_CALLBACK": "library.admin.dashboard.dashboard",
    "STYLES": [
        lambda request: static("library/admin/base.css"),
        lambda request: static("library/admin/theme.css"),
    ],
    "SCRIPTS": [lambda request: static("library/admin/theme.js")],
    "ACCOUNT": {"navigation": _account_links},
    "TABS": [
        {
            "models": ["axes.accesslog", "axes.accessfailurelog", "axes.accessattempt"],
            "items": [
                _item("Log-ins", "", "axes_accesslog_changelist", "axes.view_accesslog"),
                _item(
                    "Failed", "", "axes_accessfailurelog_changelist", "axes.view_accessfailurelog"
                ),
                _item("Locks", "", "axes_accessattempt_changelist", "axes.view_accessattempt"),
            ],
        }
    ],
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
                    _item(
                        "API tokens", "key", "library_apitoken_changelist", "library.view_apitoken"
                    ),
                    _item("Log-ins", "login", "axes_accesslog_changelist", "axes.view_accesslog"),
                    _item(
                        "Audit log", "history", "admin_logentry_changelist", "admin.view_logentry"
                    ),
                ],
            },
        ],
    },
}
