"""The back office: where editors live.

Importing it registers its pages with Django's admin, as Django's autodiscovery does.
"""

from django.contrib import admin
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from library.admin import dashboard, plays
from library.admin.clips import admin as clips
from library.admin.people import audit, logins, tokens, users

__all__ = ["audit", "clips", "dashboard", "logins", "plays", "tokens", "users"]

# Their own pages would show secrets: users have theirs under /admin/two-factor/, and the page of
# users resets them.
admin.site.unregister((StaticDevice, TOTPDevice))
