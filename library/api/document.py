"""The OpenAPI description, whole and lean. A process generates each of them once."""

from functools import cache

from django.http.response import HttpResponseBase
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from library.api.etags import Representation, represented, revalidated
from library.api.json_bodies import JSONRenderer
from library.api.negotiation import compressed
from library.api.openapi.lean import lean_document


class Document(APIView):
    """GET /openapi.json and /openapi-lean.json."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    renderer_classes = (OpenApiJsonRenderer, JSONRenderer)  # two names of one format
    lean = False

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        response = revalidated(request, description(lean=self.lean))
        if response.status_code == 200:
            response["Content-Type"] = request.accepted_media_type
        return response


@cache
def description(*, lean: bool) -> Representation:
    """Return the description, made once. The first call takes about a second."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    document = generator.get_schema(public=True)  # type: ignore[no-untyped-call]
    shown = represented(lean_document(document) if lean else document)
    return shown._replace(gzipped=compressed(shown.body))
