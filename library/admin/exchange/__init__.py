"""Clips to and from files: the import and the export of the back office."""

from django.urls import URLPattern

from library.admin.base import ModelAdmin
from library.admin.exchange.export_page import (
    EXPORT_PERMISSION,
    ExportPage,
    export_selected_as_csv,
    export_selected_as_json,
)
from library.admin.exchange.import_pages import IMPORT_PERMISSIONS, ImportPages
from library.models import Clip


class ClipExchange:
    """The pages of both, for the admin of clips."""

    def __init__(self, clip_admin: ModelAdmin[Clip]) -> None:
        self._pages = ImportPages(clip_admin), ExportPage(clip_admin)

    @property
    def urls(self) -> list[URLPattern]:
        """The paths, for the admin's `get_urls`."""
        return [path for pages in self._pages for path in pages.urls]


__all__ = [
    "EXPORT_PERMISSION",
    "IMPORT_PERMISSIONS",
    "ClipExchange",
    "export_selected_as_csv",
    "export_selected_as_json",
]
