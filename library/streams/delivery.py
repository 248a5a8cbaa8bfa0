"""A request and open audio in, an HTTP response out.

Conditional requests (RFC 9110, 13), one byte range (14), and three ways for the body: a whole file
leaves by sendfile, or by nginx where X-Accel-Redirect is configured, and one that still grows is
followed.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    JsonResponse,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date, parse_http_date_safe
from rest_framework.exceptions import APIException

from library.audio.body import Body, FileBody, FollowedBody
from library.audio.byte_range import ByteRange, UnsatisfiableRangeError, parse
from library.audio.errors import AudioUnavailableError
from library.audio.open_audio import OpenAudio
from library.audio.sniff import EXTENSIONS
from library.streams.errors import AudioChanged, RangeNotSatisfiable

NGINX_JUDGES = frozenset(
    ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range")
)
NGINX_RANGE_LENGTH = 24  # characters: `bytes=` and two numbers that are surely small


@dataclass
class Delivery:
    """An answer to a request for audio.

    `part` is the range of the audio that it answers with, None if it has no audio; `ranged` tells
    that a range was asked for (206), `to_the_end` that the audio's last byte is in it. `body` sends
    it, and is None where nginx does.
    """

    response: HttpResponseBase
    part: ByteRange | None = None
    ranged: bool = False
    to_the_end: bool = False
    body: Body | None = None


def deliver(request: HttpRequest, audio: OpenAudio, title: str) -> Delivery:
    """Answer a GET or HEAD for audio, whose file is closed with the response.

    Raises AudioUnavailableError if the bytes that are asked for do not come.
    """
    headers = _headers(request, audio, title)
    plain = HttpResponse(headers=headers)
    conditional = get_conditional_response(request, audio.etag, audio.last_modified, plain)
    if conditional is not None and conditional is not plain:
        audio.file.close()
        if conditional.status_code == 412:
            conditional = _error_response(AudioChanged())
        return Delivery(conditional)
    if request.method == "HEAD":
        audio.file.close()
        plain.headers["Content-Length"] = str(audio.size)
        return Delivery(plain)
    try:
        asked = _asked_range(request, audio)
    except UnsatisfiableRangeError:
        audio.file.close()
        refusal = _error_response(RangeNotSatisfiable(audio.size))
        refusal.headers["Content-Range"] = f"bytes */{audio.size}"
        return Delivery(refusal)
    return _with_audio(request, audio, headers, asked)


def _with_audio(
    request: HttpRequest, audio: OpenAudio, headers: dict[str, str], asked: ByteRange | None
) -> Delivery:
    """200 with the whole audio, or 206 with what was asked."""
    part = asked or ByteRange(0, audio.size)
    status = 200 if asked is None else 206
    location = _accel_location(audio.path) if audio.stored else None
    if location and _nginx_agrees(request, asked):
        audio.file.close()
        del headers["Accept-Ranges"]  # nginx says so itself
        return Delivery(
            HttpResponse(headers=headers | {"X-Accel-Redirect": location}), part, status == 206
        )
    headers["Content-Length"] = str(part.length)
    if asked is not None:
        headers["Content-Range"] = asked.content_range(audio.size)
    content_type = headers.pop("Content-Type")
    response: HttpResponseBase
    if audio.whole:
        file = FileBody(audio, part)
        response = FileResponse(file, status=status, content_type=content_type)
        body: Body = file
    else:
        followed = FollowedBody(audio, part)
        try:
            followed.await_start()
        except AudioUnavailableError:
            followed.close()
            raise
        response = StreamingHttpResponse(followed, status=status, content_type=content_type)
        body = followed
    _add(response, headers)
    return Delivery(response, part, status == 206, part.stop == audio.size, body)


def _headers(request: HttpRequest, audio: OpenAudio, title: str) -> dict[str, str]:
    """The header fields of every success."""
    name = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]+', " ", title).strip() or "clip"
    filename = f"{name}.{EXTENSIONS[audio.content_type]}"
    attachment = request.GET.get("download") == "1"
    return {
        "Accept-Ranges": "bytes",
        "Cache-Control": settings.CLIPS_STREAM_CACHE_CONTROL,
        "Content-Disposition": content_disposition_header(attachment, filename) or "inline",
        "Content-Type": audio.content_type,
        "Cross-Origin-Resource-Policy": "cross-origin",
        "ETag": audio.etag,
        "Last-Modified": http_date(audio.last_modified),
        "X-Content-Type-Options": "nosniff",
    }


def _asked_range(request: HttpRequest, audio: OpenAudio) -> ByteRange | None:
    """The one range that is to be sent, None for the whole. Raises UnsatisfiableRangeError."""
    header = request.headers.get("Range")
    if header is None:
        return None
    condition = request.headers.get("If-Range")
    current = (None, audio.etag)
    if condition not in current and parse_http_date_safe(condition) != audio.last_modified:
        return None
    return parse(header, audio.size)


def _nginx_agrees(request: HttpRequest, asked: ByteRange | None) -> bool:
    """Whether nginx, which reads the request once more, will answer what was decided here.

    It would judge preconditions by validators of its own, and answers 416 to ranges that are
    ignored here or whose numbers exceed 64 bits. Few requests are so: Python sends those.
    """
    if not NGINX_JUDGES.isdisjoint(request.headers):
        return False
    header = request.headers.get("Range")
    return header is None or (asked is not None and len(header) <= NGINX_RANGE_LENGTH)


def _accel_location(path: Path) -> str | None:
    """The internal location at which nginx finds this file; None where no nginx is set up."""
    if not settings.CLIPS_ACCEL_LOCATION:
        return None
    for name, folder in (
        ("store", settings.AUDIO_STORE_DIR),
        ("media", settings.MEDIA_ROOT),
        ("samples", settings.SAMPLES_DIR),
    ):
        if path.is_relative_to(folder):
            inside = quote(path.relative_to(folder).as_posix())
            return f"{settings.CLIPS_ACCEL_LOCATION.rstrip('/')}/{name}/{inside}"
    return None


def _error_response(error: APIException) -> JsonResponse:
    return JsonResponse(
        {"detail": error.detail, "code": error.get_codes()},
        status=error.status_code,
        headers={"Cache-Control": "no-store"},
    )


def _add(response: HttpResponseBase, headers: dict[str, str]) -> None:
    for name, value in headers.items():
        response.headers[name] = value
