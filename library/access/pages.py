"""The pages of the second factor: enter a code, enrol, renew recovery codes, turn it off."""

from base64 import b32encode
from collections.abc import Callable
from functools import wraps
from typing import Any

import segno
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django_otp.plugins.otp_totp.models import TOTPDevice

from library import history
from library.access import second_factor
from library.access.forms import CodeForm, EnrolForm, PasswordForm
from library.access.second_factor import Step

Page = Callable[[HttpRequest, User], HttpResponse]
View = Callable[[HttpRequest], HttpResponse]


def _for_staff(*lacking: Step | None) -> Callable[[Page], View]:
    """Restrict a page to staff whose session lacks one of these steps, and redirect others."""

    def decorate(page: Page) -> View:
        @never_cache
        @sensitive_post_parameters()
        @wraps(page)
        def view(request: HttpRequest) -> HttpResponse:
            if settings.CLIPS_TWO_FACTOR == "off":
                raise Http404
            user = request.user
            if not isinstance(user, User) or not user.is_staff:
                return redirect_to_login(request.get_full_path(), reverse("admin:login"))
            if second_factor.step(user, request.session) not in lacking:
                return redirect(_next_page(request))
            return page(request, user)

        return view

    return decorate


@_for_staff(Step.SHOW)
def show_code(request: HttpRequest, user: User) -> HttpResponse:
    """/admin/two-factor/code: the second step of a log-in."""
    form = CodeForm(request)
    if form.is_valid():
        second_factor.mark_verified(user, request.session)
        return redirect(_next_page(request))
    by_recovery = "recovery" in request.GET
    if not by_recovery:
        form.fields["code"].widget.attrs["inputmode"] = "numeric"
    other = request.GET.copy()
    other.pop("recovery", None) if by_recovery else other.update({"recovery": ""})
    context = {"form": form, "by_recovery": by_recovery, "other": f"?{other.urlencode()}"}
    return _page(request, "code", "Two-factor authentication", context)


@_for_staff(Step.ENROL, None)
def enrol(request: HttpRequest, user: User) -> HttpResponse:
    """/admin/two-factor/enrol: set up an authenticator, or replace the current one."""
    replaced = second_factor.authenticator_of(user) is not None
    form = EnrolForm(request)
    if form.is_valid():
        done = "Replaced the authenticator." if replaced else "Turned on two-factor authentication."
        history.note(user, user, done)
        second_factor.mark_verified(user, request.session)
        return _recovery_codes(request, form.recovery_codes)
    device = second_factor.offer(user)
    secret = b32encode(device.bin_key).decode()
    context = {
        "form": form,
        "replaced": replaced,
        "required": second_factor.step(user, request.session) is Step.ENROL,
        "qr_code": _qr_code(device),
        "address": device.config_url,
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
    }
    return _page(request, "enrol", "Set up two-factor authentication", context)


@_for_staff(None)
def account(request: HttpRequest, user: User) -> HttpResponse:
    """/admin/two-factor/: the status of the second factor."""
    context = {
        "device": TOTPDevice.objects.filter(user=user, confirmed=True).first(),
        "codes_left": second_factor.recovery_codes_left(user),
        "required": settings.CLIPS_TWO_FACTOR == "required",
    }
    return _page(request, "account", "Two-factor authentication", context)


@_for_staff(None)
def renew_codes(request: HttpRequest, user: User) -> HttpResponse:
    """/admin/two-factor/recovery-codes: replace the recovery codes."""
    if second_factor.authenticator_of(user) is None:
        return redirect("two-factor")
    form = PasswordForm(request)
    if form.is_valid():
        history.note(user, user, "Created new recovery codes.")
        return _recovery_codes(request, second_factor.renew_recovery_codes(user))
    context = {
        "form": form,
        "sentence": "Ten new recovery codes replace your current ones, which stop working.",
        "button": "Create new codes",
        "variant": "primary",
    }
    return _page(request, "confirm", "New recovery codes", context)


@_for_staff(None)
def turn_off(request: HttpRequest, user: User) -> HttpResponse:
    """/admin/two-factor/off: turn off the second factor, unless it is required."""
    if settings.CLIPS_TWO_FACTOR == "required" or second_factor.authenticator_of(user) is None:
        return redirect("two-factor")
    form = PasswordForm(request)
    if form.is_valid():
        second_factor.remove(user)
        history.note(user, user, "Turned off two-factor authentication.")
        messages.success(request, "Two-factor authentication is off.")
        return redirect("two-factor")
    context = {
        "form": form,
        "sentence": "You will log in with your password only. Your recovery codes stop working.",
        "button": "Turn off",
        "variant": "danger",
    }
    return _page(request, "confirm", "Turn off two-factor authentication", context)


def _recovery_codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    """Show new recovery codes. No other page shows them, and they are not stored as text."""
    context = {"codes": codes, "wanted": _next_page(request)}
    return _page(request, "recovery_codes", "Recovery codes", context)


def _page(request: HttpRequest, name: str, title: str, context: dict[str, Any]) -> HttpResponse:
    common = {**admin.site.each_context(request), "title": title}
    return render(request, f"library/access/{name}.html", common | context)


def _next_page(request: HttpRequest) -> str:
    """Return the page to open after the log-in, or the dashboard if it is not on this site."""
    requested = request.GET.get(REDIRECT_FIELD_NAME, "")
    is_safe = url_has_allowed_host_and_scheme(
        requested, {request.get_host()}, require_https=request.is_secure()
    )
    return requested if is_safe else reverse("admin:index")


def _qr_code(device: TOTPDevice) -> str:
    """Return the enrolment URL as SVG: dark on light in any theme, so that cameras can read it."""
    drawn = segno.make(device.config_url, error="l").svg_inline(
        scale=5, dark="#000", light="#fff", title="QR code of the secret", omitsize=True
    )
    return mark_safe(drawn)  # noqa: S308  # generated here; the URL is only in its modules
