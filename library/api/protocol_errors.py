"""The errors of HTTP itself, in requests that no view could answer."""

from rest_framework.exceptions import APIException

from library.api.errors import BadRequest, Unavailable


class MalformedRequest(BadRequest):
    """The request is not HTTP."""

    default_code = "malformed_request"
    default_detail = "The request is not valid HTTP/1.1."


class FirstLineInvalid(BadRequest):
    """The request has no valid request line."""

    default_code = "request_line_invalid"
    default_detail = "The first line of the request is not valid HTTP/1.1."


class MethodUnknown(APIException):
    """The method is none that HTTP has, or in lower case (RFC 9110, section 15.6.2)."""

    status_code = 501
    default_code = "method_unknown"
    default_detail = "The method is unknown. Methods are written in upper case, such as GET."


class VersionUnsupported(APIException):
    """The request is of another version of HTTP (RFC 9110, section 15.6.6)."""

    status_code = 505
    default_code = "http_version_not_supported"
    default_detail = "Use HTTP/1.1."


class HostMissing(BadRequest):
    """HTTP/1.1 requires the field (RFC 9112, section 3.2)."""

    default_code = "host_missing"
    default_detail = "An HTTP/1.1 request needs the header field Host."


class TLSReceived(BadRequest):
    """The client has begun TLS."""

    default_code = "tls_received"
    default_detail = "This port serves HTTP, not HTTPS. Use http://, or connect to the proxy."


class HeadIncomplete(BadRequest):
    """The client has ended its side of the connection within the head of a request."""

    default_code = "head_incomplete"
    default_detail = "The request ended before its head was complete."


class BodyIncomplete(BadRequest):
    """The client has ended its side of the connection within the body."""

    default_code = "body_incomplete"
    default_detail = "The request ended before its body was complete. Check Content-Length."


class HeadTooSlow(APIException):
    """The head did not arrive in time (CLIPS_HEAD_TIMEOUT)."""

    status_code = 408
    default_code = "request_timeout"
    default_detail = "The head of the request arrived too slowly."


class BodyTooSlow(APIException):
    """The body did not arrive in time (CLIPS_BODY_TIMEOUT, CLIPS_BODY_MINIMUM_RATE)."""

    status_code = 408
    default_code = "request_timeout"
    default_detail = "The request body arrived too slowly."


class MisdirectedRequest(APIException):
    """The request target names another host, which counts instead of Host (RFC 9112, 3.2.2)."""

    status_code = 421
    default_code = "misdirected_request"
    default_detail = "This service does not serve the host in the request target."


class TooManyConnections(APIException):
    """The client has CLIPS_CLIENT_CONNECTIONS connections with requests in progress."""

    status_code = 429
    default_code = "too_many_connections"
    default_detail = "Your address has too many requests in progress. Wait until some have ended."
    wait = 5  # seconds, for Retry-After


class HeaderFieldsTooLarge(APIException):
    """A header field is too long, or there are too many."""

    status_code = 431
    default_code = "request_header_fields_too_large"
    default_detail = "Send at most 100 header fields, each of at most 8190 bytes."


class NoConnections(Unavailable):
    """The process has as many connections as file descriptors allow, all with a request."""

    default_code = "no_capacity"
    default_detail = "Too many requests are in progress. Try again shortly."
    wait = 5


class NoRoomForBody(Unavailable):
    """The bodies of other requests need all the memory or disk that is set aside for them."""

    default_code = "no_capacity"
    default_detail = "Too many request bodies are in progress. Try again shortly."
    wait = 5


class BodyNotStored(Unavailable):
    """The temporary file of a large body cannot be written, for example because a disk is full."""

    default_code = "body_not_stored"
    default_detail = "The request body cannot be stored at present. Try again later."
