"""GET /api/v1: the calls of the API, with their URLs."""

from functools import cache
from typing import Any

import orjson
from django.conf import settings
from django.http.response import HttpResponseBase
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.views import APIView

from library.api import parameters
from library.api.authentication import CountedRequests
from library.api.document import description
from library.api.etags import represented, revalidated
from library.api.openapi import index as described


class Index(CountedRequests, APIView):
    """GET /api/v1."""

    @described.index
    def get(self, request: Request) -> HttpResponseBase:
        parameters.read(request.query_params, parameters.INDEX)
        base = request.build_absolute_uri("/").removesuffix("/")
        found = {
            "title": settings.SPECTACULAR_SETTINGS["TITLE"],
            "version": settings.VERSION,
            "documentation": base + reverse("docs"),
            "openapi": base + reverse("schema"),
            "openapi_lean": base + reverse("lean-schema"),
            "counting_rule": base + reverse("counting-rule"),
            "calls": [{**call, "url": base + call["url"]} for call in _calls()],
        }
        # RFC 8631
        links = {"service-desc": found["openapi"], "service-doc": found["documentation"]}
        link = ", ".join(f'<{url}>; rel="{relation}"' for relation, url in links.items())
        headers = {"Link": link}
        return revalidated(request, represented(found, headers=headers), headers)


@cache
def _calls() -> list[dict[str, Any]]:
    """Return the calls in the order of the description; `url` is still a path."""
    paths = orjson.loads(description(lean=True).body)["paths"]
    return [
        {
            "operation": operation["operationId"],
            "method": method.upper(),
            "url": path,
            "summary": operation["summary"],
        }
        for path, methods in paths.items()
        for method, operation in methods.items()
    ]
