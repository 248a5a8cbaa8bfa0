"""Users and groups: accounts, permissions and second factors."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.http import HttpRequest
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from library import history
from library.access import second_factor
from library.admin.base import Deletion, LoggedValues, ModelAdmin, display, is_superuser
from library.admin.people.tokens import TokenInline
from library.models import ApiToken

admin.site.unregister((Group, User))

FOR_SUPERUSERS = ("is_superuser", "groups", "user_permissions")
HAS_ENTRIES = Exists(LogEntry.objects.filter(user=OuterRef("pk")))
HAS_TOKENS = Exists(ApiToken.objects.filter(user=OuterRef("pk")))


@admin.register(User)
class UserAdmin(LoggedValues, DjangoUserAdmin[User], ModelAdmin[User]):
    """Users. Only superusers can change superusers and grant permissions."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    logged_fields = (
        *("username", "first_name", "last_name", "email"),
        *("is_active", "is_staff", *FOR_SUPERUSERS),
    )
    inlines = (TokenInline,)
    filter_horizontal = ()
    filter_vertical = ("user_permissions",)
    list_display = (
        *("username", "full_name", "group_names", "is_staff", "shown_state"),
        *("shown_second_factor", "last_login"),
    )
    list_filter = ("is_active", "is_staff", "is_superuser", "groups")
    readonly_fields = ("last_login", "date_joined", "shown_second_factor")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Personal info", {"fields": ("first_name", "last_name", "email")}),
        ("Permissions", {"fields": ("is_active", "is_staff", *FOR_SUPERUSERS)}),
        ("Log-ins", {"fields": ("shown_second_factor", "last_login", "date_joined")}),
    )
    actions = ("activate", "deactivate", "reset_second_factor")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users: QuerySet[User] = super().get_queryset(request).prefetch_related("groups")
        return users.annotate(authenticator=second_factor.AUTHENTICATOR)

    @display(description="name")
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    @display(description="groups")
    def group_names(self, user: User) -> str:
        names = ["Superuser"] if user.is_superuser else []
        return ", ".join([*names, *(group.name for group in user.groups.all())]) or "-"

    @display(description="state", label={"active": "success", "deactivated": "danger"})
    def shown_state(self, user: User) -> str:
        return "active" if user.is_active else "deactivated"

    @display(description="second factor", label={"on": "success"})
    def shown_second_factor(self, user: User) -> str:
        return "on" if second_factor.authenticator_of(user) else "off"

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Show groups as checkboxes, since there are few."""
        if db_field.name != "groups":
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        return db_field.formfield(
            widget=UnfoldAdminCheckboxSelectMultipleWidget(),
            help_text="A user has the permissions of all their groups.",
        )

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        return self.inlines if obj else ()

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Keep users who can edit users from making themselves superusers."""
        fields = super().get_readonly_fields(request, obj)
        return fields if is_superuser(request) else (*fields, *FOR_SUPERUSERS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and not (obj and obj.is_superuser and not is_superuser(request))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Refuse users their own deletion, and all but superusers that of a superuser."""
        allowed = super().has_delete_permission(request, obj)
        is_own = obj is not None and obj.pk == request.user.pk
        return allowed and not is_own and (obj is None or self.has_change_permission(request, obj))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Deletion:
        """Refuse to delete users with tokens or log entries, which would be deleted with them."""
        users = User.objects.filter(pk__in=[user.pk for user in objs])
        refused = [
            f"{user} has API tokens or entries in the audit log. Deactivate this user instead."
            for user in users.filter(HAS_ENTRIES | HAS_TOKENS)
        ]
        refused += [
            f"You cannot delete {user}, because it is your own account or a superuser."
            for user in users
            if not self.has_delete_permission(request, user)
        ]
        return list(map(str, users)), {"users": len(users)}, set(), refused

    @admin.action(description="Activate selected users", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._set_active(request, queryset, active=True)

    @admin.action(description="Deactivate selected users", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Deactivate users, whose sessions and tokens stop working until they are activated."""
        self._set_active(request, queryset, active=False)

    @admin.action(description="Reset second factor of selected users", permissions=["change"])
    def reset_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Remove the authenticator and recovery codes of users who have lost them."""
        for user in self._changeable(request, queryset):
            if second_factor.remove(user):
                history.note(request.user, user, "Reset the second factor.")
                messages.success(request, f"The second factor of {user} was removed.")
            else:
                messages.info(request, f"{user} had no second factor.")

    def _set_active(self, request: HttpRequest, queryset: QuerySet[User], *, active: bool) -> None:
        for user in self._changeable(request, queryset.exclude(is_active=active)):
            before, after = {"is_active": user.is_active}, {"is_active": active}
            user.is_active = active
            user.save(update_fields=["is_active"])
            self.log_change(request, user, history.change_message(before, after, User, [*after]))
            messages.success(request, f"{user} is now {'active' if active else 'deactivated'}.")

    def _changeable(self, request: HttpRequest, users: QuerySet[User]) -> list[User]:
        """Return the users who may be changed; warn about superusers and the user themselves."""
        changeable = []
        for user in users:
            if user.pk == request.user.pk:
                messages.warning(request, "You cannot do this to yourself.")
            elif not self.has_change_permission(request, user):
                messages.warning(request, f"{user} is a superuser. Only superusers can do this.")
            else:
                changeable.append(user)
        return changeable


@admin.register(Group)
class GroupAdmin(LoggedValues, DjangoGroupAdmin, ModelAdmin[Group]):
    """Groups and their permissions."""

    logged_fields = ("name", "permissions")
    filter_horizontal = ()
    filter_vertical = ("permissions",)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Deletion:
        """Show the number of members, where Django shows the rows of the join tables."""
        groups = Group.objects.filter(pk__in=[group.pk for group in objs])
        effects = [
            f"{group.name}. Users who lose its permissions: {group.members}."
            for group in groups.annotate(members=Count("user"))
        ]
        return effects, {"groups": len(effects)}, set(), []
