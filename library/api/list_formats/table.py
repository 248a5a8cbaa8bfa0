"""Tables: CSV with a line for each clip, and its fields as columns."""

from library.api.list_formats.pages import Page
from library.api.representation import shown
from library.api.tables import write_table


def render(page: Page) -> bytes:
    """Return the table."""
    return write_table(page.fields, shown(page.rows, page.request, page.fields)).encode()
