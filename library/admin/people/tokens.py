"""API tokens: issued, shown once, revoked. Editors see their own tokens, superusers all."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from library import history
from library.admin.base import ModelAdmin, ReadOnly, TabularInline, display, is_superuser
from library.models import ApiToken

STATES = {
    "valid": "success",
    "revoked": "danger",
    "user deactivated": "warning",
    "user is not staff": "warning",
}
DUPLICATE = "A token with this name already exists. Revoke it or choose another name."


class TokenForm(forms.ModelForm[ApiToken]):
    """The name of a new token; superusers also choose its user."""

    user: User  # of the request

    class Meta:
        model = ApiToken
        fields = ("user", "name")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        user = values.setdefault("user", self.user)
        if not user.is_staff:
            self.add_error("user", f"{user} lacks staff status, so the token would not work.")
        same = ApiToken.objects.filter(user=values["user"], name=values.get("name"))
        if same.filter(revoked_at=None).exists():
            self.add_error("name", DUPLICATE)
        return values


def state(token: ApiToken) -> str:
    """Return the state of a token, one of STATES."""
    if token.revoked_at is not None:
        return "revoked"
    if not token.user.is_active:
        return "user deactivated"
    return "valid" if token.user.is_staff else "user is not staff"


@admin.register(ApiToken)
class TokenAdmin(ModelAdmin[ApiToken]):
    """Tokens with which programs write in an editor's name."""

    form = TokenForm
    list_display = ("name", "user", "created_at", "last_used_at", "shown_state", "revoke_link")
    list_select_related = ("user",)
    list_per_page = 50
    search_fields = ("name", "user__username")
    ordering = ("-id",)
    readonly_fields = ("created_at", "last_used_at", "revoked_at", "shown_state")
    actions = None

    @display(description="state", label=STATES)
    def shown_state(self, token: ApiToken) -> str:
        return state(token)

    @display(description="revoke")
    def revoke_link(self, token: ApiToken) -> str:
        if token.revoked_at is not None:
            return ""
        return format_html(
            '<a href="{}" class="font-medium text-red-700 dark:text-red-400" '
            'aria-label="Revoke {}">Revoke</a>',
            reverse("admin:library_apitoken_revoke", args=[token.pk]),
            token.name,
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        tokens = super().get_queryset(request)
        return tokens if is_superuser(request) else tokens.filter(user=request.user)  # type: ignore[misc]  # of staff

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """Refuse: a token cannot be edited, only replaced."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """Refuse: revoked tokens record who had access, and until when."""
        return False

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        if obj:
            return ("name", "user", "shown_state", "created_at", "last_used_at", "revoked_at")
        return ("user", "name") if is_superuser(request) else ("name",)

    def get_form(
        self, request: HttpRequest, obj: ApiToken | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.user = request.user
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"user": request.user.pk}

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        one_button = {"show_save_and_add_another": False, "show_save_and_continue": False}
        context = {**one_button, "title": "Issue an API token", **(extra_context or {})}
        try:
            return super().add_view(request, form_url, context)
        except IntegrityError:  # two requests with the same name at once
            messages.error(request, DUPLICATE)
            return redirect("admin:library_apitoken_changelist")

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        """Issue the token. The secret exists only during this request."""
        obj.user = form.cleaned_data["user"]
        secret = ApiToken.objects.issue(obj.user, obj.name)
        obj.pk = ApiToken.objects.of_secret(secret).values_list("pk", flat=True).get()
        request.secret = secret  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Answer the form with the only page that ever shows the secret."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Your new API token",
            "token": obj,
            "secret": request.secret,  # type: ignore[attr-defined]
        }
        return render(request, "library/admin/people/token_issued.html", context)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.revoke)
        return [path("<int:pk>/revoke/", view, name="library_apitoken_revoke"), *super().get_urls()]

    def revoke(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show a confirmation page, then revoke the token."""
        token = get_object_or_404(self.get_queryset(request), pk=pk, revoked_at=None)
        if request.method == "POST":
            token.revoke()
            history.note(request.user, token, "Revoked.")
            messages.success(request, f"The token {token.name} was revoked.")
            return redirect("admin:library_apitoken_changelist")
        context = {"title": "Revoke an API token", "token": token}
        common = self.admin_site.each_context(request)
        return render(request, "library/admin/people/token_revoke.html", common | context)


class TokenInline(ReadOnly, TabularInline[ApiToken, User]):
    """A user's tokens, on the user's page."""

    model = ApiToken
    verbose_name_plural = "API tokens"
    fields = readonly_fields = ("name", "created_at", "last_used_at", "shown_state")
    ordering = ("-id",)
    extra = 0
    can_delete = False
    hide_title = True  # the theme would repeat the name and the user above each row

    @admin.display(description="state")
    def shown_state(self, token: ApiToken) -> str:
        return state(token)
