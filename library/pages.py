"""The public listening page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from library.models import Clip

CLIPS_SHOWN = 100


def listen(request: HttpRequest) -> HttpResponse:
    """GET /: a page that plays the newest clips."""
    clips = Clip.objects.available().order_by("-id")[:CLIPS_SHOWN]
    oldest_first = sorted(clips, key=lambda clip: clip.pk)
    return render(request, "library/pages/listen.html", {"clips": oldest_first})
