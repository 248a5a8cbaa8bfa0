"""Handlers that turn exceptions into responses: JSON for the API, pages for people."""

import logging
import re
import sys
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.views import defaults
from rest_framework.exceptions import APIException, MethodNotAllowed

from library.api import errors
from library.api.json_bodies import JSONRenderer
from library.api.negotiation import best
from library.database_errors import Fault, fault_of, first_line
from library.telemetry import request_notes

logger = logging.getLogger(__name__)

SENTENCES = {
    Fault.UNAVAILABLE: "The database is not responding",
    Fault.READ_ONLY: "The database is read-only",
    Fault.BUSY: "The database is too busy",
}
# Paths of programs, however they are written: `/api`, `/API/v1/clips`, `/v1/clips`.
JSON_PATH = re.compile(r"/+(api|v[0-9]+|livez|readyz|metrics|openapi[^/]*)(/|$)", re.IGNORECASE)
KINDS = ("text/html", JSONRenderer.media_type)


def error_response(error: APIException, page: str | None = None) -> HttpResponse:
    """Return the response to an error: JSON, or an HTML page."""
    if page is None:
        body = JSONRenderer().render(errors.error_body(error))
        response = HttpResponse(body, JSONRenderer.media_type, error.status_code)
    else:
        response = HttpResponse(page, status=error.status_code)
    response["Cache-Control"] = "no-store"
    for name, value in getattr(error, "headers", {}).items():
        response[name] = value
    if wait := getattr(error, "wait", None):
        response["Retry-After"] = str(wait)
    if challenge := getattr(error, "auth_header", None):  # DRF sets it on a 401
        response["WWW-Authenticate"] = challenge
    return response


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Handle an exception of a DRF view; leave unexpected ones to Django, which logs them."""
    known = errors.api_error(error)
    if isinstance(known, errors.ServerError):
        return None
    log_fault(error)
    return error_response(known)


def log_fault(error: BaseException | None) -> None:
    """Log what PostgreSQL reports, in one line: while it is down, every request fails alike."""
    if error is not None and (fault := fault_of(error)):
        logger.warning("%s: %s", SENTENCES[fault], first_line(error))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handle a request that Django refuses before any view, such as one for an unknown host."""
    request_notes.noted(request.META)["refused"] = type(exception).__name__
    if isinstance(exception, RequestDataTooBig):
        return error_response(errors.api_error(exception))
    return error_response(errors.BadRequest())


def method_not_allowed(request: HttpRequest, allowed: tuple[str, ...]) -> HttpResponse:
    """Handle a method that a page or a health check does not have. OPTIONS lists those it has."""
    if request.method == "OPTIONS":
        response = HttpResponse(headers={"Cache-Control": "no-store"})
    else:
        response = error_response(MethodNotAllowed(str(request.method)))
    response["Allow"] = ", ".join(allowed)
    return response


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Handle a path without a view: JSON for programs, a page for people."""
    if is_program(request):
        return error_response(errors.PathNotFound())
    response = defaults.page_not_found(request, exception)
    response["Cache-Control"] = "no-store"  # there may be a page soon
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Handle any other exception: 503 if the database causes it, else 500."""
    raised = sys.exception()
    error = errors.api_error(raised) if fault_of(raised) else errors.ServerError()
    log_fault(raised)
    if is_program(request):
        return error_response(error)
    page = render_to_string(f"{error.status_code}.html", {"detail": error.detail})
    return error_response(error, page)


def is_program(request: HttpRequest) -> bool:
    """Return whether to answer with JSON: a path of programs, or a client that prefers it."""
    if JSON_PATH.match(request.path):
        return True
    accept = request.headers.get("Accept", "")
    return bool(accept) and best(accept, KINDS) == KINDS.index(JSONRenderer.media_type)
