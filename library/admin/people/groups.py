"""Groups: sets of permissions that users share."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from library.admin.base import ModelAdmin
from library.admin.people.logged_values import LoggedValues

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(LoggedValues, DjangoGroupAdmin, ModelAdmin[Group]):
    """Groups and their permissions."""

    logged_fields = ("name", "permissions")
    filter_horizontal = ()
    filter_vertical = ("permissions",)

    def get_deleted_objects(
        self, objs: Sequence[Group] | QuerySet[Group], request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[str], list[Any]]:
        """Show the number of members, where Django shows the rows of the join tables."""
        groups = Group.objects.filter(pk__in=[group.pk for group in objs])
        effects = [
            f"{group.name}. Users who lose its permissions: {group.members}."
            for group in groups.annotate(members=Count("user"))
        ]
        return effects, {"groups": len(effects)}, set(), []
