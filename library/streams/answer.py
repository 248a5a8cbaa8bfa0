"""Decide how to answer a request for open audio.

This is the protocol of streams, without a framework: conditional requests (RFC 9110, 13), a single
byte range (14), and whether nginx sends the file (X-Accel-Redirect). An adapter translates between
this module and a server. It owns the audio: it sends the part in the answer, and closes the file.
"""

from dataclasses import dataclass
from urllib.parse import quote

from library.audio.byte_range import ByteRange, UnsatisfiableRangeError, parse
from library.audio.open_audio import OpenAudio
from library.streams.dates import http_date
from library.streams.errors import AUDIO_CHANGED, ClientError, range_not_satisfiable
from library.streams.headers import content_disposition
from library.streams.preconditions import Field, evaluate, if_range_holds

NGINX_CONDITIONS = (
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
    "If-Range",
)
NGINX_RANGE_LENGTH = 24  # characters: `bytes=` and two numbers that surely fit into 64 bits
IN_A_304 = ("Cache-Control", "ETag", "Last-Modified")  # RFC 9110, 15.4.5


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """A GET or HEAD for audio.

    `field` returns a header field by its name in any case, or None. It joins repeated fields with
    commas.
    """

    method: str
    field: Field
    download: bool = False  # whether a browser should save the audio instead of playing it


def is_download(parameter: str | None) -> bool:
    """Return whether `download` has a value that means yes. Any other value means no."""
    return parameter is not None and parameter.lower() in ("1", "true", "yes")


@dataclass(frozen=True, slots=True)
class StreamRules:
    """The settings that answers depend on."""

    cache_control: str
    # Folders whose files nginx sends, and their internal locations, each with a slash at the end;
    # empty without nginx.
    accel_locations: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Answer:
    """The response to send: its status, header fields, and either a part of the audio or `body`."""

    status: int
    headers: dict[str, str]
    part: ByteRange | None = None  # of the audio; None if the response has no audio
    ranged: bool = False  # whether the request had a valid range (206)
    to_the_end: bool = False  # whether the part includes the last byte of the audio
    handed_over: bool = False  # whether nginx sends the part
    body: bytes = b""  # of an error; a server omits it in the response to a HEAD


def answer(request: StreamRequest, audio: OpenAudio, title: str, rules: StreamRules) -> Answer:
    """Return the answer to a request for this audio; `title` becomes a file name."""
    field = request.field
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": rules.cache_control,
        "Content-Disposition": content_disposition(
            title, audio.content_type, download=request.download
        ),
        "Content-Type": audio.content_type,
        "Cross-Origin-Resource-Policy": "cross-origin",
        "ETag": audio.etag,
        "Last-Modified": http_date(audio.last_modified),
        "X-Content-Type-Options": "nosniff",
    }
    status = evaluate(field, audio.etag, audio.last_modified)
    if status == 304:
        return Answer(304, {name: headers[name] for name in IN_A_304})
    if status == 412:
        return _refusal(AUDIO_CHANGED)
    if request.method == "HEAD":
        headers["Content-Length"] = str(audio.size)
        return Answer(200, headers)
    try:
        requested = _requested_range(field, audio)
    except UnsatisfiableRangeError:
        refusal = _refusal(range_not_satisfiable(audio.size))
        refusal.headers["Content-Range"] = f"bytes */{audio.size}"
        return refusal
    return _with_audio(headers, requested, audio, _accel_location(field, requested, audio, rules))


def _with_audio(
    headers: dict[str, str], requested: ByteRange | None, audio: OpenAudio, accel: str | None
) -> Answer:
    """Answer with the whole audio (200) or the requested range (206)."""
    part = requested or ByteRange(0, audio.size)
    ranged, to_the_end = requested is not None, part.stop == audio.size
    if accel is not None:
        del headers["Accept-Ranges"]  # nginx adds it, the length and the range
        headers["X-Accel-Redirect"] = accel
        return Answer(200, headers, part, ranged, to_the_end, handed_over=True)
    headers["Content-Length"] = str(part.length)
    if not ranged:
        return Answer(200, headers, part, ranged, to_the_end)
    headers["Content-Range"] = part.content_range(audio.size)
    return Answer(206, headers, part, ranged, to_the_end)


def _requested_range(field: Field, audio: OpenAudio) -> ByteRange | None:
    """Return the range to send, or None for the whole audio. Raises UnsatisfiableRangeError."""
    header = field("Range")
    if header is None:
        return None
    condition = field("If-Range")
    if condition is not None and not if_range_holds(condition, audio.etag, audio.last_modified):
        return None
    return parse(header, audio.size)


def _accel_location(
    field: Field, requested: ByteRange | None, audio: OpenAudio, rules: StreamRules
) -> str | None:
    """Return the internal location from which nginx should send the file, or None."""
    if not (rules.accel_locations and audio.stored and _nginx_agrees(field, requested)):
        return None
    path = str(audio.path)
    for folder, location in rules.accel_locations:
        if path.startswith(folder):
            return location + quote(path.removeprefix(folder))
    return None


def _nginx_agrees(field: Field, requested: ByteRange | None) -> bool:
    """Return whether nginx, which evaluates the request headers again, would respond the same.

    nginx evaluates preconditions with its own validators, and responds with 416 to ranges that this
    module ignores or whose numbers exceed 64 bits. Such requests are rare, and the service sends
    the audio.
    """
    if any(field(name) is not None for name in NGINX_CONDITIONS):
        return False
    header = field("Range")
    return header is None or (requested is not None and len(header) <= NGINX_RANGE_LENGTH)


def _refusal(error: ClientError) -> Answer:
    headers = {"Cache-Control": "no-store", "Content-Type": "application/json"}
    return Answer(error.status, headers, body=error.json)
