"""Build the HTTP response for open audio.

This module implements conditional requests (RFC 9110, 13) and a single byte range (14). The server
sends a complete file by sendfile, or nginx sends it if X-Accel-Redirect is configured. A file that
is still being downloaded is followed as it grows.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date, parse_http_date_safe
from rest_framework.exceptions import APIException

from library.audio.byte_range import ByteRange, UnsatisfiableRangeError, parse
from library.audio.errors import AudioUnavailableError
from library.audio.open_audio import OpenAudio
from library.audio.sniff import EXTENSIONS
from library.streams.body import Body, FileBody, FollowedBody

NGINX_CONDITIONS = frozenset(
    ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range")
)
NGINX_RANGE_LENGTH = 24  # characters: `bytes=` and two numbers that surely fit into 64 bits


class AudioChanged(APIException):
    """If-Match names another version of the audio."""

    status_code = 412
    default_code = "precondition_failed"
    default_detail = "The audio has another ETag."


class RangeNotSatisfiable(APIException):
    """The range starts at or past the end of the audio."""

    status_code = 416
    default_code = "range_not_satisfiable"
    default_detail = "The range starts past the end of the audio."

    def __init__(self, size: int) -> None:
        super().__init__(f"{self.default_detail} The audio has {size} bytes.")


@dataclass
class Delivery:
    """A response to a request for audio."""

    response: HttpResponseBase
    part: ByteRange | None = None  # of the audio in the response; None if it has no audio
    ranged: bool = False  # whether the request had a valid range (206)
    to_the_end: bool = False  # whether the part includes the last byte of the audio
    body: Body | None = None  # None if nginx sends the audio


def deliver(request: HttpRequest, audio: OpenAudio, title: str) -> Delivery:
    """Respond to a GET or HEAD for audio. Closing the response closes the audio's file.

    Raises AudioUnavailableError if the download fails before the first requested byte.
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
        requested = _requested_range(request, audio)
    except UnsatisfiableRangeError:
        audio.file.close()
        refusal = _error_response(RangeNotSatisfiable(audio.size))
        refusal.headers["Content-Range"] = f"bytes */{audio.size}"
        return Delivery(refusal)
    return _with_audio(request, audio, headers, requested)


def _with_audio(
    request: HttpRequest, audio: OpenAudio, headers: dict[str, str], requested: ByteRange | None
) -> Delivery:
    """Respond with the whole audio (200) or with the requested range (206)."""
    part = requested or ByteRange(0, audio.size)
    status = 200 if requested is None else 206
    location = _accel_location(audio.path) if audio.stored else None
    if location and _nginx_agrees(request, requested):
        audio.file.close()
        del headers["Accept-Ranges"]  # nginx adds it
        return Delivery(
            HttpResponse(headers=headers | {"X-Accel-Redirect": location}), part, status == 206
        )
    headers["Content-Length"] = str(part.length)
    if requested is not None:
        headers["Content-Range"] = requested.content_range(audio.size)
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
    for name, value in headers.items():
        response.headers[name] = value
    return Delivery(response, part, status == 206, part.stop == audio.size, body)


def _headers(request: HttpRequest, audio: OpenAudio, title: str) -> dict[str, str]:
    """Return the headers that every successful response has."""
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


def _requested_range(request: HttpRequest, audio: OpenAudio) -> ByteRange | None:
    """Return the range to send, or None for the whole audio. Raises UnsatisfiableRangeError."""
    header = request.headers.get("Range")
    if header is None:
        return None
    condition = request.headers.get("If-Range")
    current = (None, audio.etag)
    if condition not in current and parse_http_date_safe(condition) != audio.last_modified:
        return None
    return parse(header, audio.size)


def _nginx_agrees(request: HttpRequest, requested: ByteRange | None) -> bool:
    """Return whether nginx, which evaluates the request headers again, would respond the same.

    nginx evaluates preconditions with its own validators, and responds with 416 to ranges that this
    module ignores or whose numbers exceed 64 bits. Such requests are rare, and Python sends the
    audio.
    """
    if not NGINX_CONDITIONS.isdisjoint(request.headers):
        return False
    header = request.headers.get("Range")
    return header is None or (requested is not None and len(header) <= NGINX_RANGE_LENGTH)


def _accel_location(path: Path) -> str | None:
    """Return the internal location of a file for nginx, or None if nginx is not configured."""
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
