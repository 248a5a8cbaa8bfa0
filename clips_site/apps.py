"""Apps of others, as the back office has them."""

from axes.apps import AppConfig as AxesConfig
from django.contrib.admin.apps import AdminConfig


class BackOfficeConfig(AdminConfig):
    """Django's admin, with our site for its own."""

    default_site = "clips_site.site.BackOffice"
    verbose_name = "Audit"  # the one page that it has of its own tells what was done


class LoginsConfig(AxesConfig):  # type: ignore[misc]
    """django-axes, by what it keeps."""

    verbose_name = "Log-ins"
