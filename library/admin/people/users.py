"""Users and groups: who may log in, and what they may do."""

from collections.abc import Sequence
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
from library.admin.base import ModelAdmin, display
from library.admin.people.tokens import TokenInline
from library.models import ApiToken

admin.site.unregister((User, Group))

USER_FIELDS = (
    *("username", "first_name", "last_name", "email"),
    *("is_active", "is_staff", "is_superuser", "groups", "user_permissions"),
)
GROUP_FIELDS = ("name", "permissions")
FOR_SUPERUSERS = ("is_superuser", "groups", "user_permissions")
KEPT = Exists(LogEntry.objects.filter(user=OuterRef("pk"))) | Exists(
    ApiToken.objects.filter(user=OuterRef("pk"))
)


class ValuesNoted:
    """Of a ModelAdmin: its log entries tell the values, as those of clips do."""

    model: Any
    noted_fields: tuple[str, ...]

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, Any]]:
        """What the log tells of a change; of a password that it was changed, and no more."""
        if add or not hasattr(form, "_meta"):
            said: list[dict[str, Any]] = super().construct_change_message(  # type: ignore[misc]
                request, form, formsets, add
            )
            return said
        before = {name: _told(value) for name, value in form.initial.items()}
        after = {name: _told(value) for name, value in form.cleaned_data.items()}
        return history.change_message(before, after, self.model, self.noted_fields)


@admin.register(User)
class UserAdmin(ValuesNoted, DjangoUserAdmin[User], ModelAdmin[User]):
    """Who may log in. Whoever is no superuser leaves superusers and permissions alone."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    noted_fields = USER_FIELDS
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
        """Users, with what the list tells of each."""
        users: QuerySet[User] = super().get_queryset(request).prefetch_related("groups")
        return users.annotate(authenticator=second_factor.AUTHENTICATOR)

    @display(description="name")
    def full_name(self, user: User) -> str:
        """First and last."""
        return user.get_full_name()

    @display(description="groups")
    def group_names(self, user: User) -> str:
        """What they may do; superusers may do all."""
        names = ["Superuser"] if user.is_superuser else []
        return ", ".join([*names, *(group.name for group in user.groups.all())]) or "-"

    @display(description="state", label={"active": "success", "deactivated": "danger"})
    def shown_state(self, user: User) -> str:
        """Whether they may log in."""
        return "active" if user.is_active else "deactivated"

    @display(description="second factor", label={"on": "success"})
    def shown_second_factor(self, user: User) -> str:
        """Whether they have enrolled an authenticator."""
        return "on" if second_factor.authenticator_of(user) else "off"

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Of groups there are few: a box for each."""
        if db_field.name != "groups":
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        return db_field.formfield(
            widget=UnfoldAdminCheckboxSelectMultipleWidget(),
            help_text="What somebody may do: all that any of their groups may.",
        )

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        """A user's tokens, once there is a user."""
        return self.inlines if obj else ()

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Who may edit users must not be able to make themselves a superuser by it."""
        fields = super().get_readonly_fields(request, obj)
        return fields if _is_superuser(request) else (*fields, *FOR_SUPERUSERS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """As the permission says, but superusers are for superusers."""
        allowed = super().has_change_permission(request, obj)
        return allowed and not (obj and obj.is_superuser and not _is_superuser(request))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """As the permission says, but superusers are for superusers, and nobody ends themselves."""
        allowed = super().has_delete_permission(request, obj)
        is_own = obj is not None and obj.pk == request.user.pk
        return allowed and not is_own and (obj is None or self.has_change_permission(request, obj))

    def get_deleted_objects(
        self, objs: Sequence[User] | QuerySet[User], request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[str], list[Any]]:
        """What the page that asks for confirmation lists, or why it cannot be.

        With a user the log of what they did would go.
        """
        users = User.objects.filter(pk__in=[user.pk for user in objs])
        refused = [
            f"{user} has done things that the audit log keeps, or has tokens: deactivate instead."
            for user in users.filter(KEPT)
        ]
        refused += [
            f"{user} is you, or a superuser."
            for user in users
            if not self.has_delete_permission(request, user)
        ]
        return list(map(str, users)), {"users": len(users)}, set(), refused

    @admin.action(description="Activate selected users", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Let them log in again."""
        self._set_active(request, queryset, active=True)

    @admin.action(description="Deactivate selected users", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """End their sessions and their tokens' force, until they are activated again."""
        self._set_active(request, queryset, active=False)

    @admin.action(description="Reset second factor of selected users", permissions=["change"])
    def reset_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Take away authenticator and recovery codes of people who have lost them."""
        for user in self._in_reach(request, queryset):
            if second_factor.remove(user):
                history.note(request.user, user, "Reset the second factor.")
                messages.success(request, f"{user} has no second factor any more.")
            else:
                messages.info(request, f"{user} had no second factor.")

    def _set_active(self, request: HttpRequest, queryset: QuerySet[User], *, active: bool) -> None:
        for user in self._in_reach(request, queryset.exclude(is_active=active)):
            before = {"is_active": user.is_active}
            user.is_active = active
            user.save(update_fields=["is_active"])
            told = history.change_message(before, {"is_active": active}, User, ("is_active",))
            self.log_change(request, user, told)
            messages.success(request, f"{user} is {'active' if active else 'deactivated'}.")

    def _in_reach(self, request: HttpRequest, users: QuerySet[User]) -> list[User]:
        """Those that may be changed: not oneself, nor superusers by others. Says who is not."""
        reached = []
        for user in users:
            if user.pk == request.user.pk:
                messages.warning(request, "You cannot do this to yourself.")
            elif not self.has_change_permission(request, user):
                messages.warning(request, f"{user} is a superuser: only superusers may.")
            else:
                reached.append(user)
        return reached


@admin.register(Group)
class GroupAdmin(ValuesNoted, DjangoGroupAdmin, ModelAdmin[Group]):
    """What people may do together."""

    noted_fields = GROUP_FIELDS
    filter_horizontal = ()
    filter_vertical = ("permissions",)

    def get_deleted_objects(
        self, objs: Sequence[Group] | QuerySet[Group], request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[str], list[Any]]:
        """What the page that asks for confirmation lists: whom it concerns.

        Django's lists the rows of the tables between, by number.
        """
        groups = Group.objects.filter(pk__in=[group.pk for group in objs])
        told = [
            f"{group.name}. Its members ({group.members}) stay, without what it allows."
            for group in groups.annotate(members=Count("user"))
        ]
        return told, {"groups": len(told)}, set(), []


def _told(value: Any) -> Any:
    """A value of a form as the log tells it: of many things, their names."""
    if isinstance(value, list | QuerySet):
        return sorted(map(str, value))
    return value


def _is_superuser(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_superuser
