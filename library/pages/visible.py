"""Clips as pages for people find them, and responses with pages for those they do not show."""

from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from rest_framework.exceptions import APIException

from library.api.errors import ClipNotFound, Gone, Withdrawn
from library.api.handlers import error_response, is_program
from library.api.visibility import VISIBILITY, check_visible
from library.models import Clip

GONE = (Gone, Withdrawn)


def visible_clip(pk: str) -> Clip:
    """Return a clip that the public may see. Raises Http404, or one of GONE."""
    clip = Clip.objects.defer("search_vector").filter(pk=int(pk)).first()
    if clip is None:
        raise Http404
    try:
        check_visible({name: getattr(clip, name) for name in VISIBILITY})
    except ClipNotFound:
        raise Http404 from None
    return clip


def gone(request: HttpRequest, error: APIException) -> HttpResponse:
    """Return the response for a clip that was deleted or withdrawn, with the reason."""
    if is_program(request):
        return error_response(error)
    context = {"detail": error.detail, "withdrawn": isinstance(error, Withdrawn)}
    return error_response(error, render_to_string("library/pages/gone.html", context, request))
