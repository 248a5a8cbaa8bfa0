"""Clips to and from files: the import and the export of the back office."""

from library.admin.exchange.export_pages import ExportPages
from library.admin.exchange.import_pages import ImportPages


class ClipExchange(ImportPages, ExportPages):
    """Adds both to the admin of clips."""

    import_export_change_list_template = "library/admin/exchange/change_list.html"


__all__ = ["ClipExchange"]
