"""Settings of django-unfold, the theme of the back office: names, links, sidebar."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _list(title: str, icon: str, model: str, **options: str) -> dict[str, Any]:
    """Return a link to the list of a model, such as `library.clip`, for users who may view it."""
    app, name = model.split(".")
    return {
        "title": title,
        "icon": icon,  # a name of Material Symbols, which the theme serves
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": lambda request: request.user.has_perm(f"{app}.view_{name}"),
        **options,
    }


def _account_links(request: HttpRequest) -> list[dict[str, Any]]:
    links = [{"title": "Change password", "link": reverse_lazy("admin:password_change")}]
    if settings.CLIPS_TWO_FACTOR != "off":
        links.append({"title": "Two-factor authentication", "link": reverse_lazy("two-factor")})
    return links


DASHBOARD = {"title": "Dashboard", "icon": "dashboard", "link": reverse_lazy("admin:index")}
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
                _list("Log-ins", "", "axes.accesslog"),
                _list("Failed", "", "axes.accessfailurelog"),
                _list("Locks", "", "axes.accessattempt"),
            ],
        }
    ],
    "SIDEBAR": {
        "show_search": False,
        "command_search": True,
        "show_all_applications": False,
        "navigation": [
            {"items": [DASHBOARD]},
            {
                "title": "Library",
                "separator": True,
                "items": [
                    _list("Clips", "library_music", "library.clip"),
                    _list("Plays", "play_circle", "library.playevent"),
                    _list(
                        *("Reports", "flag", "library.report"),
                        badge="library.admin.reports.admin.open_reports",
                    ),
                    _list("Webhooks", "webhook", "library.webhook"),
                ],
            },
            {
                "title": "People",
                "separator": True,
                "items": [
                    _list("Users", "person", "auth.user"),
                    _list("Groups", "group", "auth.group"),
                    _list("API tokens", "key", "library.apitoken"),
                    _list("Log-ins", "login", "axes.accesslog"),
                    _list("Audit log", "history", "admin.logentry"),
                ],
            },
            {
                "title": "System",
                "separator": True,
                "items": [_list("Tasks", "pending_actions", "library.task")],
            },
        ],
    },
}
