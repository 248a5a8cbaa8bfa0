"""A look at the head of an upload before the server receives its body.

A client that may not upload is refused while its body costs nothing: the server passes such a
request on twice, at first without its body, and receives that if the first response is `CONTINUE`.
Servers that do not look early pass it on once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse

KEY = "clips.early_look"  # in request.META; no header field has such a key
CONTINUE = 100  # the status of a response that means: receive the body (RFC 9110, section 15.2.1)


def is_form(environ: Mapping[str, Any]) -> bool:
    """Return whether the body of a request is a form, which may contain audio."""
    kind: str = environ.get("CONTENT_TYPE", "")
    return kind[:19].lower() == "multipart/form-data"


@dataclass
class EarlyLook:
    """What both turns of one request share.

    A request with a single turn has one, too, if the server has counted it already.
    """

    awaits_body: bool = True  # false in the second turn
    limits: Mapping[str, str] | None = None  # headers of rate limits: the request counts once


def look_at(environ: Mapping[str, Any]) -> EarlyLook | None:
    """Return what the turns of a request share, or None if it has only one."""
    return environ.get(KEY)


def awaits_body(environ: Mapping[str, Any]) -> bool:
    """Return whether the body has not been received, so that only the head can be judged."""
    look = look_at(environ)
    return look is not None and look.awaits_body


def go_on() -> HttpResponse:
    """Return the response that lets the server receive the body."""
    return HttpResponse(status=CONTINUE)
