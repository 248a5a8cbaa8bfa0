"""Public pages: the listening page and the API documentation."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from library.models import Clip

CLIPS_SHOWN = 100


def listen(request: HttpRequest) -> HttpResponse:
    """GET /: a page that plays the newest clips."""
    clips = Clip.objects.available().order_by("-id")[:CLIPS_SHOWN]
    return render(
        request, "library/pages/listen.html", {"clips": sorted(clips, key=lambda c: c.pk)}
    )


def docs(request: HttpRequest) -> HttpResponse:
    """GET /docs: Swagger UI."""
    return render(request, "library/pages/docs.html")


def redoc(request: HttpRequest) -> HttpResponse:
    """GET /redoc: Redoc."""
    return render(request, "library/pages/redoc.html")


def counting_rule(request: HttpRequest) -> HttpResponse:
    """GET /docs/plays: the rule for counting plays."""
    return render(request, "library/pages/counting.html")
