"""The response to OPTIONS."""

from typing import Any

from django.urls import reverse
from rest_framework.metadata import BaseMetadata
from rest_framework.request import Request


class AllowedMethods(BaseMetadata):
    """Names the methods and the documentation. DRF would show docstrings and fields."""

    def determine_metadata(self, request: Request, view: Any) -> dict[str, Any]:
        return {
            "methods": view.allowed_methods,
            "documentation": request.build_absolute_uri(reverse("docs")),
        }
