"""The groups Editors and Analysts, which every installation starts with.

Migration 0007 creates them, once for each database. A change here therefore reaches new databases
only: add a migration that grants or revokes the difference in existing ones. On a new database
that migration finds nothing left to do, so both kinds of database end up with the same groups.
"""

from collections.abc import Iterable
from typing import Any

from django.apps.registry import Apps

WEBHOOK_PERMISSIONS = {
    "add_webhook": "Can add webhook",
    "change_webhook": "Can change webhook",
    "delete_webhook": "Can delete webhook",
    "view_webhook": "Can view webhook",
}
REPORT_PERMISSIONS = {
    "change_report": "Can change report",
    "view_report": "Can view report",
}
PERMISSIONS = {
    "add_clip": "Can add clip",
    "change_clip": "Can change clip",
    "delete_clip": "Can delete clip",
    "view_clip": "Can view clip",
    "import_clip": "Can import clips from files",
    "export_clip": "Can export clips to files",
    "view_playevent": "Can view play",
    "add_apitoken": "Can add API token",
    "view_apitoken": "Can view API token",
    **WEBHOOK_PERMISSIONS,
    **REPORT_PERMISSIONS,
}
GROUPS = {
    "Editors": tuple(PERMISSIONS),
    "Analysts": ("view_clip", "export_clip", "view_playevent"),
}


def create_groups(apps: Apps, schema_editor: object = None) -> None:
    """Create the missing groups. An existing group with the same name keeps its permissions.

    Django creates permissions after all migrations have run, so this creates the ones it needs the
    way Django would, even for models of later migrations. Django finds them and adds no others.
    """
    groups = apps.get_model("auth.Group").objects
    for name, codenames in GROUPS.items():
        group, is_new = groups.get_or_create(name=name)
        if is_new:
            _grant(apps, group, codenames)


def grant_webhooks(apps: Apps, schema_editor: object = None) -> None:
    """Let Editors manage webhooks, in databases older than webhooks, unless the group is gone."""
    _grant_editors(apps, WEBHOOK_PERMISSIONS)


def grant_reports(apps: Apps, schema_editor: object = None) -> None:
    """Let Editors settle reports of clips, in the same way."""
    _grant_editors(apps, REPORT_PERMISSIONS)


def _grant_editors(apps: Apps, codenames: Iterable[str]) -> None:
    group = apps.get_model("auth.Group").objects.filter(name="Editors").first()
    if group is not None:
        _grant(apps, group, codenames)


def _grant(apps: Apps, group: Any, codenames: Iterable[str]) -> None:
    permissions = apps.get_model("auth.Permission").objects
    content_types = apps.get_model("contenttypes.ContentType").objects
    for codename in codenames:
        _, model = codename.split("_")
        content_type, _ = content_types.get_or_create(app_label="library", model=model)
        permission, _ = permissions.get_or_create(
            content_type=content_type,
            codename=codename,
            defaults={"name": PERMISSIONS[codename]},
        )
        group.permissions.add(permission)


def remove_groups(apps: Apps, schema_editor: object = None) -> None:
    """Remove the groups that have no members. The others stay, so no member loses permissions."""
    apps.get_model("auth.Group").objects.filter(name__in=GROUPS, user=None).delete()
