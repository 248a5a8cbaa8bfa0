"""The answers to exceptions in the front: the same as Django gives."""

import logging
from typing import Any

from clips_site.server.front.reply import Reply, whole_reply
from library.api import errors
from library.api.handlers import error_response, exception_handler

logger = logging.getLogger(__name__)


def error_reply(error: Exception, noted: dict[str, Any]) -> Reply:
    """Return the reply to an exception, and note its code for the log."""
    response = exception_handler(error, {})
    if response is None:
        logger.error("A stream request failed", exc_info=error)
        response = error_response(errors.ServerError())
    code = errors.api_error(error).get_codes()
    if isinstance(code, str):  # not of parameters, which have several
        noted["code"] = code
    return whole_reply(response.status_code, tuple(response.items()), response.content)
