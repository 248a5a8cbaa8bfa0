"""Handlers that turn exceptions into responses: JSON for the API, pages for people."""

import logging
import sys
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.views import defaults
from rest_framework.exceptions import APIException

from library.api import errors
from library.api.json_bodies import JSONRenderer

logger = logging.getLogger(__name__)

JSON_PATHS = ("/api/", "/livez", "/readyz", "/metrics", "/openapi.json")


def error_response(error: APIException, page: str | None = None) -> HttpResponse:
    """Return the response to an error: JSON, or an HTML page."""
    if page is None:
        body = JSONRenderer().render(errors.error_body(error))
        response = HttpResponse(body, JSONRenderer.media_type, error.status_code)
    else:
        response = HttpResponse(page, status=error.status_code)
    response["Cache-Control"] = "no-store"
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
    if isinstance(known, errors.DatabaseUnavailable):
        logger.error("The database is not responding", exc_info=error)
    return error_response(known)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handle a request that Django refuses before any view, such as one for an unknown host."""
    too_large = isinstance(exception, RequestDataTooBig)
    return error_response(errors.PayloadTooLarge() if too_large else errors.BadRequest())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Handle a path without a view: JSON below the API, a page elsewhere."""
    if request.path.startswith(JSON_PATHS):
        return error_response(errors.PathNotFound())
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Handle any other exception: 503 without the database, else 500."""
    error = errors.api_error(sys.exception())
    if not isinstance(error, errors.DatabaseUnavailable):
        error = errors.ServerError()
    if request.path.startswith(JSON_PATHS):
        return error_response(error)
    return error_response(error, render_to_string(f"{error.status_code}.html"))
