"""API tokens: issued, shown once, revoked. Editors have their own; superusers see all."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from library import history
from library.admin.base import ModelAdmin, ReadOnly, TabularInline, display
from library.models import ApiToken

STATES = {"in force": "success", "revoked": "danger", "user deactivated": "warning"}
TWICE = "There is a token of this name in force: revoke it first."


class TokenForm(forms.ModelForm[ApiToken]):
    """A token's name, and for superusers whose it is."""

    user: User  # who asks

    class Meta:
        """What is written."""

        model = ApiToken
        fields = ("user", "name")

    def clean(self) -> dict[str, Any]:
        """A name that no other token of the user has in force."""
        values = super().clean() or self.cleaned_data
        values.setdefault("user", self.user)
        same = ApiToken.objects.filter(user=values["user"], name=values.get("name"))
        if same.filter(revoked_at=None).exists():
            self.add_error("name", TWICE)
        return values


def state(token: ApiToken) -> str:
    """Whether it opens anything."""
    if token.revoked_at is not None:
        return "revoked"
    return "in force" if token.user.is_active else "user deactivated"


@admin.register(ApiToken)
class TokenAdmin(ModelAdmin[ApiToken]):
    """Tokens with which machines write in an editor's name."""

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
        """Whether it opens anything."""
        return state(token)

    @display(description="end it")
    def revoke_link(self, token: ApiToken) -> str:
        """The way to end it."""
        if token.revoked_at is not None:
            return ""
        return format_html(
            '<a href="{}" class="font-medium text-red-700 dark:text-red-400" '
            'aria-label="Revoke {}">Revoke</a>',
            reverse("admin:library_apitoken_revoke", args=[token.pk]),
            token.name,
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        """One's own; of all for superusers."""
        tokens = super().get_queryset(request)
        return tokens if _is_superuser(request) else tokens.filter(user=request.user)  # type: ignore[misc]  # of staff

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """Nobody: another token is another secret."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """Nobody: what was revoked tells who could do what, and until when."""
        return False

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        """What is asked for, or what there is to be seen."""
        if obj:
            return ("name", "user", "shown_state", "created_at", "last_used_at", "revoked_at")
        return ("user", "name") if _is_superuser(request) else ("name",)

    def get_form(
        self, request: HttpRequest, obj: ApiToken | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The form, which knows who asks."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.user = request.user
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """One's own token, unless a superuser chooses another user."""
        return {"user": request.user.pk}

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Issue a token."""
        one_button = {"show_save_and_add_another": False, "show_save_and_continue": False}
        context = {**one_button, "title": "Issue an API token", **(extra_context or {})}
        try:
            return super().add_view(request, form_url, context)
        except IntegrityError:  # sent twice at once
            messages.error(request, TWICE)
            return redirect("admin:library_apitoken_changelist")

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        """Issue it. The secret lives as long as this request."""
        obj.user = form.cleaned_data["user"]
        secret = ApiToken.objects.issue(obj.user, obj.name)
        obj.pk = ApiToken.objects.of_secret(secret).values_list("pk", flat=True).get()
        request.secret = secret  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The only page that ever shows the secret: it answers the form itself."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Your new API token",
            "token": obj,
            "secret": request.secret,  # type: ignore[attr-defined]
        }
        return render(request, "library/admin/people/token_issued.html", context)

    def get_urls(self) -> list[URLPattern]:
        """The admin's own paths, and the one that revokes."""
        view = self.admin_site.admin_view(self.revoke)
        return [path("<int:pk>/revoke/", view, name="library_apitoken_revoke"), *super().get_urls()]

    def revoke(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End a token, once that is confirmed."""
        token = get_object_or_404(self.get_queryset(request), pk=pk, revoked_at=None)
        if request.method == "POST":
            token.revoke()
            history.note(request.user, token, "Revoked.")
            messages.success(request, f"{token.name} is revoked: it opens nothing any more.")
            return HttpResponseRedirect(reverse("admin:library_apitoken_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": "Revoke an API token",
            "token": token,
        }
        return render(request, "library/admin/people/token_revoke.html", context)


class TokenInline(ReadOnly, TabularInline[ApiToken, User]):
    """A user's tokens, on the user's page."""

    model = ApiToken
    verbose_name_plural = "API tokens"
    fields = readonly_fields = ("name", "created_at", "last_used_at", "shown_state")
    ordering = ("-id",)
    extra = 0
    can_delete = False
    hide_title = True  # above each row, the name and user once more

    @admin.display(description="state")
    def shown_state(self, token: ApiToken) -> str:
        """Whether it opens anything."""
        return state(token)


def _is_superuser(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_superuser
