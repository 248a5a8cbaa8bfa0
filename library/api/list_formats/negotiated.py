"""Negotiation of the list's format. `format` takes precedence over Accept."""

from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from library.api.json_bodies import JSON_ACCEPTED, JSONRenderer
from library.api.list_formats.formats import RENDERERS

JSON = JSONRenderer()
LIST_RENDERERS: list[BaseRenderer] = [renderer() for renderer in RENDERERS]


class NegotiatedList(APIView):
    """A viewset whose action `list` has several formats. Its errors are JSON."""

    action: str

    def get_renderers(self) -> list[BaseRenderer]:
        return [*LIST_RENDERERS] if self.action == "list" else super().get_renderers()

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        if self.action == "list" and (
            request.META.get("HTTP_ACCEPT", "*/*") in JSON_ACCEPTED
            or request.query_params.get("format", "").strip()
        ):
            return JSON, JSONRenderer.media_type
        return super().perform_content_negotiation(request, force)
