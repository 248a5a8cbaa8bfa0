"""A list in pages: a JSON array, and the way to the next page in the Link header (RFC 8288)."""

from typing import Any

from rest_framework.pagination import CursorPagination
from rest_framework.response import Response


class LinkPagination(CursorPagination):
    """Keyset pages: the last page costs what the first one costs."""

    page_size = 100
    page_size_query_param = "limit"
    max_page_size = 1000
    ordering = "id"

    def get_paginated_response(self, data: Any) -> Response:
        """The page itself, with links to its neighbours."""
        links = {"next": self.get_next_link(), "prev": self.get_previous_link()}
        header = ", ".join(f'<{url}>; rel="{rel}"' for rel, url in links.items() if url)
        return Response(data, headers={"Link": header} if header else None)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """In OpenAPI: the array, no envelope."""
        return schema
