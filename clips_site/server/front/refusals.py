"""The responses to requests that HTTP does not allow, or whose head never became complete."""

import re

from aiohttp.http_exceptions import BadHttpMethod, BadStatusLine, LineTooLong
from rest_framework.exceptions import APIException

from clips_site.server.front.exchange import write_refusal
from clips_site.server.front.reply import Reply, whole_reply
from clips_site.server.logs.access_lines import AccessLog
from clips_site.server.logs.request_ids import HEADER, begin, current
from library.api import protocol_errors as errors
from library.api.errors import ServerError, UriTooLong
from library.api.handlers import error_response

MAX_LINE = 4094  # bytes of a request target, and the next of a header field
MAX_FIELD = 8190
MAX_FIELDS = 100
# What the parser quotes, if only the method is not valid: it is a token (RFC 9110, section 5.6.2).
_REQUEST_LINE = re.compile(r"b'[\w!#$%&*+.^`|~-]+ \S+ HTTP/1\.[01]")


def refuse(error: BaseException, log: AccessLog | None) -> Reply:
    """Log a request that cannot be handled, and return the response, which ends the connection.

    Neither quotes the request: it may contain personal data.
    """
    request_id = begin()
    refusal = refusal_of(error)
    reply = last_reply(refusal, request_id)
    write_refusal(reply, str(refusal.get_codes()), type(error).__name__, log)
    return reply


def failure() -> Reply:
    """Return the response to a request whose handler failed."""
    return last_reply(ServerError(), current() or begin())


def last_reply(error: APIException, request_id: str) -> Reply:
    """Return the response to an error that ends the connection."""
    response = error_response(error)
    headers = (*response.items(), (HEADER, request_id))
    reply = whole_reply(response.status_code, headers, response.content)
    reply.keep_alive = False
    return reply


def refusal_of(error: BaseException) -> APIException:
    """Return the error of the API for an exception of the parser, or for one of that kind."""
    text = str(getattr(error, "message", ""))
    match error:
        case APIException():
            return error
        case LineTooLong() if error.args[1] == MAX_LINE:
            return UriTooLong()
        case LineTooLong():
            return errors.HeaderFieldsTooLarge()
        case BadHttpMethod() if text.startswith("Received HTTPS"):
            return errors.TLSReceived()
        case BadHttpMethod() if _REQUEST_LINE.search(text):
            return errors.MethodUnknown()
        case BadStatusLine() if "Invalid HTTP version" in text:
            return errors.VersionUnsupported()
        case BadStatusLine():
            return errors.FirstLineInvalid()
        case _ if text.startswith("Too many headers"):
            return errors.HeaderFieldsTooLarge()
        case _ if text.startswith("Missing 'Host'"):
            return errors.HostMissing()
    return errors.MalformedRequest()
