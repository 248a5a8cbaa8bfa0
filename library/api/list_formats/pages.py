"""A page of the list, as the formats show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.templatetags.static import static
from django.urls import reverse
from rest_framework.request import Request

from library.api.representation import clips_path, pages_path
from library.models.rows import Row

NAME, DESCRIPTION, LANGUAGE = "Clips", "Short audio clips.", "en"
# Parameters whose values are in the title, so that a reader can tell several feeds apart.
_TITLE = ("search", "genre", "creator", "tag", "licence")


@dataclass(frozen=True)
class Page:
    """The rows of a page, and what the formats need besides them. All URLs are absolute."""

    rows: Sequence[Row]
    title: str
    url: str
    next_url: str | None
    home_url: str
    pages_url: str
    clips_url: str
    image_url: str
    request: Request
    fields: tuple[str, ...]

    @classmethod
    def of(
        cls,
        request: Request,
        rows: Sequence[Row],
        links: Mapping[str, str],
        fields: tuple[str, ...],
    ) -> "Page":
        """Return the page that answers a request."""
        chosen = [value for name in _TITLE for value in request.query_params.getlist(name)]
        chosen = [" ".join(value.split()) for value in chosen if value.strip()]
        return cls(
            rows,
            f"{NAME}: {', '.join(chosen)}" if chosen else NAME,
            request.build_absolute_uri(),
            links.get("next"),
            request.build_absolute_uri(reverse("listing")),
            request.build_absolute_uri(pages_path()),
            request.build_absolute_uri(clips_path()),
            request.build_absolute_uri(static("library/cover.png")),
            request,
            fields,
        )

    def link(self, row: Row) -> str:
        """Return where readers go: the clip's page."""
        return f"{self.pages_url}/{row['id']}"

    def clip_url(self, row: Row) -> str:
        return f"{self.clips_url}/{row['id']}"

    def stream_url(self, row: Row) -> str:
        return f"{self.clips_url}/{row['id']}/stream"
