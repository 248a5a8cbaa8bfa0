"""GET /feed.xml and /feed.json: the list of clips as a podcast and as a JSON Feed."""

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from library.api import parameters
from library.api.authentication import CountedRequests
from library.api.list_formats.formats import FORMATS
from library.api.negotiation import AnyAccept
from library.api.views import list_response
from library.telemetry import request_notes

CAMPAIGN = "utm_"  # begins the parameters that newsletters add to links


class Feed(CountedRequests, APIView):
    """A feed: the same as the list in this format, with the same filters, whatever Accept is."""

    content_negotiation_class = AnyAccept
    format_name = "rss"

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        chosen = FORMATS[self.format_name]
        given = request.query_params.copy()
        for name in request.query_params:
            if name.startswith(CAMPAIGN):
                del given[name]
        query = parameters.read(given, parameters.FEED)
        response = list_response(request, {"ordering": chosen.ordering, **query}, chosen)
        if len(given) < len(request.query_params):  # any number of URLs have this response
            request_notes.noted(request.META).pop("kept_by", None)
        return response
