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

from library.api.errors import (
    BadRequest,
    DatabaseUnavailable,
    PathNotFound,
    PayloadTooLarge,
    ServerError,
    api_error,
    error_body,
)
from library.api.rendering import JSONRenderer

logger = logging.getLogger(__name__)

JSON_PATHS = ("/api/", "/livez", "/readyz", "/metrics", "/openapi.json")


def error_response(error: APIException) -> HttpResponse:
    """Return the JSON response to an error of the API."""
    body = JSONRenderer().render(error_body(error))
    response = HttpResponse(body, JSONRenderer.media_type, error.status_code)
    _add_headers(response, error)
    return response


def _add_headers(response: HttpResponse, error: APIException) -> None:
    response["Cache-Control"] = "no-store"
    if wait := getattr(error, "wait", None):
        response["Retry-After"] = str(wait)
    if challenge := getattr(error, "auth_header", None):  # DRF sets it on a 401
        response["WWW-Authenticate"] = challenge


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Handle an exception of a DRF view; leave unexpected ones to Django, which logs them."""
    known = api_error(error)
    if isinstance(known, ServerError):
        return None
    if isinstance(known, DatabaseUnavailable):
        logger.error("The database is not responding", exc_info=error)
    return error_response(known)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handle a request that Django refuses before any view, such as one for an unknown host."""
    too_large = isinstance(exception, RequestDataTooBig)
    return error_response(PayloadTooLarge() if too_large else BadRequest())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Handle a path without a view: JSON below the API, a page elsewhere."""
    if request.path.startswith(JSON_PATHS):
        return error_response(PathNotFound())
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Handle any other exception: 503 without the database, else 500."""
    error = api_error(sys.exception())
    if not isinstance(error, DatabaseUnavailable):
        error = ServerError()
    if request.path.startswith(JSON_PATHS):
        return error_response(error)
    page = HttpResponse(render_to_string(f"{error.status_code}.html"), status=error.status_code)
    _add_headers(page, error)
    return page
