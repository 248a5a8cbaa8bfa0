"""The back office for editors.

Importing this package registers its pages with Django's admin, as autodiscovery does.
"""

from django.contrib import admin
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from library.admin import dashboard, plays, tasks
from library.admin.clips import admin as clips
from library.admin.people import audit, logins, tokens, users
from library.admin.reports import admin as reports
from library.admin.webhooks import admin as webhooks

__all__ = [
    "audit",
    "clips",
    "dashboard",
    "logins",
    "plays",
    "reports",
    "tasks",
    "tokens",
    "users",
    "webhooks",
]

# The pages of django-otp would show secrets. Users manage their devices under /admin/two-factor/;
# administrators reset them on the page of users.
admin.site.unregister((StaticDevice, TOTPDevice))
