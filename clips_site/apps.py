"""Configuration of third-party apps: their names in the back office."""

from axes.apps import AppConfig as AxesConfig
from django.apps import apps
from django.contrib.admin.apps import AdminConfig


class BackOfficeConfig(AdminConfig):
    """Django's admin, with `BackOffice` as its site."""

    default_site = "clips_site.site.BackOffice"
    verbose_name = "Audit"  # the only page under this name is the audit log

    def ready(self) -> None:
        super().ready()
        apps.get_app_config("auth").verbose_name = "People"  # in the sidebar


class LoginsConfig(AxesConfig):  # type: ignore[misc]
    """django-axes, which records log-ins."""

    verbose_name = "Log-ins"
