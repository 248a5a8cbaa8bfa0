"""Errors of the API: each cause mapped once to a JSON answer, no exception's text in any.

`{"detail": …, "code": …}`, or `{field: [ … ]}` for a body that is wrong.
"""

import logging
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

from library.audio.errors import AudioUnavailableError

logger = logging.getLogger(__name__)

NOT_FOUND = {"detail": "There is nothing here.", "code": "not_found"}
JSON_PATHS = ("/api/", "/livez", "/readyz", "/metrics", "/openapi.json")


class Unavailable(exceptions.APIException):
    """The service cannot do this now; `wait` seconds later it may."""

    status_code = 503
    default_code = "unavailable"

    def __init__(self, detail: str, code: str, wait: int | None = 10, status: int = 503) -> None:
        super().__init__(detail, code)
        self.status_code = status
        self.wait = wait


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's answer to an exception, with a `code` beside each `detail`."""
    if isinstance(error, AudioUnavailableError):
        error = Unavailable(error.detail, error.code, error.retry_after, error.status)
    if isinstance(error, (OperationalError, InterfaceError)):
        logger.error("The database does not answer", exc_info=error)
        error = Unavailable("The database does not answer.", "database_unavailable")
    response = drf_exception_handler(error, context)
    if response is not None:
        response["Cache-Control"] = "no-store"
        if isinstance(response.data, dict) and set(response.data) == {"detail"}:
            response.data["code"] = getattr(response.data["detail"], "code", "error")
    return response


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """404 for a path that no view takes: JSON below the API, a page elsewhere."""
    if request.path.startswith(JSON_PATHS):
        return JsonResponse(NOT_FOUND, status=404, headers={"Cache-Control": "no-store"})
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """500, for a fault of ours that is in the log."""
    if request.path.startswith(JSON_PATHS):
        return JsonResponse(
            {"detail": "Something went wrong on our side.", "code": "server_error"},
            status=500,
            headers={"Cache-Control": "no-store"},
        )
    return defaults.server_error(request)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 for a request that Django refuses before any view, such as one for a strange host."""
    return JsonResponse(
        {"detail": "The request cannot be understood.", "code": "bad_request"},
        status=400,
        headers={"Cache-Control": "no-store"},
    )
