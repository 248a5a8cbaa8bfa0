"""Paths under /admin/two-factor/."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from library.access import pages

urlpatterns = [
    path("", pages.account, name="two-factor"),
    path("code/", pages.show_code, name="two-factor-code"),
    path("enrol/", pages.enrol, name="two-factor-enrol"),
    path("recovery-codes/", pages.renew_codes, name="two-factor-recovery-codes"),
    path("off/", pages.turn_off, name="two-factor-off"),
    # For users who have yet to enter a code; the theme's log-out needs a verified session.
    path("leave/", LogoutView.as_view(next_page="admin:login"), name="two-factor-leave"),
]
