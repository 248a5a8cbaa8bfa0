"""Apps of others, as the back office has them."""

from axes.apps import AppConfig as AxesConfig
from django.apps import apps
from django.contrib.admin.apps import AdminConfig


class BackOfficeConfig(AdminConfig):
    """Django's admin, with our site for its own."""

    default_site = "clips_site.site.BackOffice"
    verbose_name = "Audit"  # the one page that it has of its own tells what was done

    def ready(self) -> None:
        """Have users and groups under the name that the sidebar has for them."""
        super().ready()
        apps.get_app_config("auth").verbose_name = "People"


class LoginsConfig(AxesConfig):  # type: ignore[misc]
    """django-axes, by what it keeps."""

    verbose_name = "Log-ins"
