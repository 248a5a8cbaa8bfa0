"""Errors of the API: each cause mapped once to a JSON answer, no exception's text in any.

`{"detail": …, "code": …}`, or `{field: [ … ]}` for a body that is wrong.
"""

import logging
import sys
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

from library.audio.errors import AudioUnavailableError

logger = logging.getLogger(__name__)

WAIT = 10  # seconds, for Retry-After, where nothing else is known
NO_DATABASE = "The database does not answer."
NOT_FOUND = {"detail": "There is nothing here.", "code": "not_found"}
JSON_PATHS = ("/api/", "/livez", "/readyz", "/metrics", "/openapi.json")


class Unavailable(exceptions.APIException):
    """The service cannot do this now; `wait` seconds later it may."""

    status_code = 503
    default_code = "unavailable"

    def __init__(self, detail: str, code: str, wait: int | None = WAIT, status: int = 503) -> None:
        super().__init__(detail, code)
        self.status_code = status
        self.wait = wait


class Gone(exceptions.APIException):
    """The clip was deleted. 410 tells a client to forget it, where 404 may be a slip of the pen."""

    status_code = 410
    default_code = "clip_deleted"
    default_detail = "This clip was deleted."


class Withdrawn(exceptions.APIException):
    """Editors took the clip away, and say why."""

    status_code = 410
    default_code = "clip_withdrawn"

    def __init__(self, reason: str | None) -> None:
        told = f": {reason}" if reason else "."
        super().__init__(f"This clip was withdrawn{told}")


class LengthRequired(exceptions.APIException):
    """A body whose length is not told would be read as empty."""

    status_code = 411
    default_code = "length_required"
    default_detail = "Send the body with Content-Length, not in chunks."


class PreconditionFailed(exceptions.APIException):
    """If-Match names another version."""

    status_code = 412
    default_code = "precondition_failed"
    default_detail = "The clip was changed since you read it: read it again, then change that."


class PayloadTooLarge(exceptions.APIException):
    """The body is larger than `limit` bytes."""

    status_code = 413
    default_code = "payload_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body may have {limit} bytes at most: send less at once.")


class InvalidClips(exceptions.APIException):
    """Some clips of many are wrong: `errors` has the index of each, and its errors by field."""

    status_code = 400

    def __init__(self, errors: Any) -> None:
        super().__init__()
        self.detail: Any = errors  # of the list itself, such as its length
        if all(isinstance(index, int) for index in errors):
            self.detail = {
                "detail": "No clip was added, because some are wrong.",
                "code": "invalid_clips",
                "errors": {str(index): found for index, found in errors.items()},
            }


class KeyInvalid(exceptions.APIException):
    """An Idempotency-Key that cannot be one."""

    status_code = 400
    default_code = "idempotency_key_invalid"
    default_detail = (
        "Idempotency-Key is 1 to 255 visible ASCII characters without backslash, such as a UUID; "
        "quotes around it are optional."
    )


class KeyInUse(exceptions.APIException):
    """The first request with this Idempotency-Key still runs."""

    status_code = 409
    default_code = "idempotency_key_in_use"
    default_detail = "The first request with this Idempotency-Key still runs: ask again shortly."
    wait = 1  # seconds, for Retry-After


class KeyReused(exceptions.APIException):
    """The Idempotency-Key belongs to a request that asked for something else."""

    status_code = 422
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key came with another body: take a new key for a new clip."


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's answer to an exception, with a `code` beside each `detail`."""
    if isinstance(error, AudioUnavailableError):
        error = Unavailable(error.detail, error.code, error.retry_after, error.status)
    if isinstance(error, (OperationalError, InterfaceError)):
        logger.error("The database does not answer", exc_info=error)
        error = Unavailable(NO_DATABASE, "database_unavailable")
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
    """500, for a fault of ours that is in the log; 503 where the database does not answer."""
    away = isinstance(sys.exception(), (OperationalError, InterfaceError))
    if request.path.startswith(JSON_PATHS):
        detail, code = "Something went wrong on our side.", "server_error"
        if away:
            detail, code = NO_DATABASE, "database_unavailable"
        answer: HttpResponse = JsonResponse({"detail": detail, "code": code})
    else:
        answer = HttpResponse(render_to_string("503.html" if away else "500.html"))
    answer.status_code = 503 if away else 500
    answer["Cache-Control"] = "no-store"
    if away:
        answer["Retry-After"] = str(WAIT)
    return answer


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 for a request that Django refuses before any view, such as one for a strange host."""
    if isinstance(exception, RequestDataTooBig):
        code, detail, status = "payload_too_large", "The body is too large.", 413
    else:
        code, detail, status = "bad_request", "The request cannot be understood.", 400
    return JsonResponse(
        {"detail": detail, "code": code}, status=status, headers={"Cache-Control": "no-store"}
    )
