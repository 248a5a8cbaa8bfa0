"""Views of waveforms: points, BBC audiowaveform, and images."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from library.analyses.waveforms import (
    AnalysisPendingError,
    NotAnalysedError,
    peaks_of,
    read_waveform,
)
from library.api import parameters
from library.api.authentication import CountedRequests
from library.api.errors import AnalysisPending, ClipNotFound, NotAnalysed
from library.api.etags import Representation, digest_of, may_be_kept, represented, revalidated
from library.api.negotiation import AnyAccept
from library.api.openapi import waveforms as described
from library.api.visibility import check_visible
from library.models.rows import Row
from library.sound.waveform import Peaks, audiowaveform, png, points, svg

IMMUTABLE = "public, max-age=31536000, immutable"
EMBEDDED = {"Cross-Origin-Resource-Policy": "cross-origin"}  # pages of other sites may show it


class WaveformView(CountedRequests, APIView):
    """A view of a clip's waveform. Subclasses choose the parameters and the representation."""

    known = parameters.WAVEFORM

    def respond(self, request: Request, pk: str) -> HttpResponse:
        """Return the response. The URL of one `etag` never changes its meaning."""
        query = parameters.read(request.query_params, self.known)
        row = read_waveform(int(pk))
        if row is None:
            raise ClipNotFound
        check_visible(row)
        try:
            peaks = peaks_of(row)
        except NotAnalysedError as error:
            raise NotAnalysed(str(error)) from None
        except AnalysisPendingError as error:
            raise AnalysisPending(error.wait, str(error)) from None
        wanted = query.get("etag")
        if wanted is not None and wanted.strip('"') != row["etag"].strip('"'):
            return _current(request, row["etag"])
        shown = self.show(peaks, row, query)
        if wanted is not None:
            shown = shown._replace(cache_control=IMMUTABLE)
        may_be_kept(request, ("clip", int(pk)))
        return revalidated(request, shown, EMBEDDED)

    def show(self, peaks: Peaks, row: Row, query: dict[str, Any]) -> Representation:
        """Return the representation that the parameters describe."""
        raise NotImplementedError


class Waveform(WaveformView):
    """GET /api/v1/clips/{id}/waveform."""

    @described.waveform
    def get(self, request: Request, pk: str) -> HttpResponse:
        return self.respond(request, pk)

    def show(self, peaks: Peaks, row: Row, query: dict[str, Any]) -> Representation:
        if query["format"] == "audiowaveform":
            return represented(audiowaveform(peaks, query["points"]))
        return represented(
            {
                "points": query["points"],
                "duration": round(peaks.duration, 6),
                "sample_rate": peaks.sample_rate,
                "channels": row["channels"],
                "audio_etag": row["etag"],
                "data": points(peaks, query["points"]),
            }
        )


class WaveformSVG(WaveformView):
    """GET /api/v1/clips/{id}/waveform.svg."""

    known = parameters.WAVEFORM_IMAGE
    content_negotiation_class = AnyAccept

    @described.waveform_svg
    def get(self, request: Request, pk: str) -> HttpResponse:
        return self.respond(request, pk)

    def show(self, peaks: Peaks, row: Row, query: dict[str, Any]) -> Representation:
        body = svg(peaks, query["width"], **_look(query)).encode()
        return Representation(
            body, "", digest_of(body), media_type="image/svg+xml", vary="Accept-Encoding"
        )


class WaveformPNG(WaveformView):
    """GET /api/v1/clips/{id}/waveform.png."""

    known = parameters.WAVEFORM_IMAGE
    content_negotiation_class = AnyAccept

    @described.waveform_png
    def get(self, request: Request, pk: str) -> HttpResponse:
        return self.respond(request, pk)

    def show(self, peaks: Peaks, row: Row, query: dict[str, Any]) -> Representation:
        body = png(peaks, **_look(query))
        return Representation(body, "", digest_of(body), media_type="image/png", vary="")


def _look(query: dict[str, Any]) -> dict[str, Any]:
    return {
        "width": query["width"],
        "height": query["height"],
        "color": parameters.WAVE_COLORS[query["color"]],
        "background": parameters.WAVE_BACKGROUNDS.get(query.get("theme", "")),
    }


def _current(request: Request, etag: str) -> HttpResponse:
    """Redirect to the waveform of the current audio, with the other parameters as they are."""
    query = request.query_params.dict() | {"etag": etag.strip('"')}
    headers = {"Location": f"{request.path}?{urlencode(query)}", "Cache-Control": "no-cache"}
    return HttpResponse(status=302, headers=headers | EMBEDDED)
