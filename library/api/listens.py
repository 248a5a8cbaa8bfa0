"""The view of reports by players. Any page can send them, also while it is being closed."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from library.api.authentication import CountedRequests
from library.api.errors import (
    ClipNotFound,
    LengthRequired,
    SessionExpired,
    TooManyListens,
)
from library.api.json_bodies import JSONBodyParser
from library.api.listen_reports import ReportSerializer
from library.api.negotiation import AnyAccept, Negotiation
from library.api.openapi import listens as described
from library.api.throttles import new_listens
from library.api.visibility import VISIBILITY, check_visible
from library.listens.record import Outcome, record
from library.models import Clip
from library.plays.client_families import client_family


class TextParser(JSONBodyParser):
    """Parses JSON in the type of `sendBeacon(url, text)`, which needs no preflight (CORS)."""

    media_type = "text/plain"


class UntypedParser(JSONBodyParser):
    """Parses JSON in a body without a type, such as a Blob's."""

    media_type = ""


class BeaconNegotiation(AnyAccept, Negotiation):
    """Ignores Accept, since a success has no body, and chooses the parser of the body's type."""


class Listens(CountedRequests, APIView):
    """POST /api/v1/clips/{id}/listens. It uses no cookie and no token."""

    action = "listen"  # for the rate limits
    authentication_classes = ()
    parser_classes = (JSONBodyParser, TextParser, UntypedParser)
    content_negotiation_class = BeaconNegotiation

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if "Transfer-Encoding" in request.headers and "Content-Length" not in request.headers:
            raise LengthRequired

    @described.listen
    def post(self, request: Request, pk: str) -> HttpResponse:
        serializer = ReportSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        # A crawler that runs scripts is no listener.
        if client_family(request.headers.get("User-Agent", "")) != "bot":
            self._record(request, int(pk), serializer.validated_data)
        response = HttpResponse(status=204, headers=self.headers | {"Cache-Control": "no-store"})
        del response["Content-Type"]
        return response

    def _record(self, request: Request, clip_id: int, report: Any) -> None:
        """Record a report. Raises the error of its outcome."""
        wait = new_listens.wait(request)
        match record(clip_id, report, may_begin=not wait):
            case Outcome.BEGUN:
                new_listens.count(request)
            case Outcome.REFUSED:
                raise TooManyListens(wait)
            case Outcome.ENDED:
                raise SessionExpired
            case Outcome.MISSING:
                for row in Clip.objects.filter(pk=clip_id).values(*VISIBILITY):
                    check_visible(row)
                raise ClipNotFound
