"""The pages that people see without logging in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from library.models import Clip

CLIPS_SHOWN = 100


def listen(request: HttpRequest) -> HttpResponse:
    """GET /: the newest clips, to be heard."""
    clips = Clip.objects.available().order_by("-id")[:CLIPS_SHOWN]
    return render(
        request, "library/pages/listen.html", {"clips": sorted(clips, key=lambda c: c.pk)}
    )


def docs(request: HttpRequest) -> HttpResponse:
    """GET /docs: the API, to be tried out."""
    return render(request, "library/pages/docs.html")


def redoc(request: HttpRequest) -> HttpResponse:
    """GET /redoc: the API, to be read."""
    return render(request, "library/pages/redoc.html")


def counting_rule(request: HttpRequest) -> HttpResponse:
    """GET /docs/plays: what counts as a play."""
    return render(request, "library/pages/counting.html")
