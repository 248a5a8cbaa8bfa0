"""The admin site, and who may enter it."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from library import history
from library.access import logins, second_factor
from library.access.second_factor import Step

if TYPE_CHECKING:  # the theme has no types
    from django.contrib.admin import AdminSite
else:
    from unfold.sites import UnfoldAdminSite as AdminSite

PAGES = {Step.SHOW: "two-factor-code", Step.ENROL: "two-factor-enrol"}


class BackOffice(AdminSite):
    """The theme's admin site, for staff who have completed all required steps of the log-in."""

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and self._missing(request) is None

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method == "POST":
            with logins.one_at_a_time(request, request.POST.get("username", "")) as free:
                if free:
                    return super().login(request, extra_context)
            return logins.locked_out_page(request, seconds=1)
        missing = self._missing(request) if super().has_permission(request) else None
        if missing is None:
            return super().login(request, extra_context)
        wanted = request.GET.get(REDIRECT_FIELD_NAME)
        query = f"?{urlencode({REDIRECT_FIELD_NAME: wanted}, safe='/')}" if wanted else ""
        return HttpResponseRedirect(reverse(PAGES[missing]) + query)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        response: HttpResponse = super().password_change(request, extra_context)
        if isinstance(response, HttpResponseRedirect) and isinstance(request.user, User):
            history.note(request.user, request.user, "Changed the password.")
        return response

    @staticmethod
    def _missing(request: HttpRequest) -> Step | None:
        return second_factor.step(request.user, request.session)
