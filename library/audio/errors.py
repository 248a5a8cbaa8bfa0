"""The causes for which a clip's audio is unavailable."""

from typing import NamedTuple


class Cause(NamedTuple):
    """The response to a cause of unavailable audio."""

    status: int  # of the HTTP response
    sentence: str  # for people
    retry_after: int | None = None  # seconds


class AudioUnavailableError(Exception):
    """The audio cannot be served now.

    `code` is a key of CAUSES, from which `status`, `detail` and `retry_after` follow. `detail`
    never contains text from an origin, an address or the text of an exception. `origin_status` is
    the HTTP status of the origin's response if that is the cause. `explanation` is for editors: a
    sentence of this service about the bytes that an origin sent.
    """

    def __init__(
        self, code: str, *, origin_status: int | None = None, explanation: str | None = None
    ) -> None:
        self.code = code
        self.explanation = explanation
        self.origin_status = origin_status
        self.status, self.detail, self.retry_after = CAUSES[code]
        super().__init__(code)


# By code, a stable word for programs.
CAUSES: dict[str, Cause] = {
    "origin_url_invalid": Cause(502, "The clip's audio_url is not allowed."),
    "origin_address_refused": Cause(
        502, "The origin's address is not public, or its port is not 80 or 443."
    ),
    "origin_dns_failed": Cause(502, "The origin's host name could not be resolved."),
    "origin_unreachable": Cause(502, "The origin could not be reached."),
    "origin_tls_failed": Cause(502, "The TLS connection to the origin failed."),
    "origin_http_error": Cause(502, "The origin responded with an error."),
    "origin_redirect_refused": Cause(502, "The origin redirects to a URL that is not allowed."),
    "origin_redirect_loop": Cause(502, "The origin redirects too many times."),
    "origin_loop": Cause(502, "The clip's audio_url leads back to a stream of this service."),
    "origin_protocol_error": Cause(502, "The origin's response is not valid HTTP."),
    "origin_length_invalid": Cause(
        502, "The origin's Content-Length is not one valid number, or contradicts Content-Range."
    ),
    "origin_content_coding": Cause(
        502, "The origin's response is compressed, which the request does not allow."
    ),
    "origin_empty": Cause(502, "The origin's response is empty."),
    "origin_not_audio": Cause(502, "The origin's response is not audio of a supported type."),
    "origin_web_page": Cause(
        502, "The origin sent a web page instead of audio. It may ask to log in or confirm."
    ),
    "origin_playlist": Cause(
        502, "The origin sent a playlist instead of audio. Use an address from it."
    ),
    "origin_text": Cause(502, "The origin sent text, such as JSON or XML, instead of audio."),
    "origin_image": Cause(502, "The origin sent an image instead of audio."),
    "origin_document": Cause(502, "The origin sent a document, such as a PDF, instead of audio."),
    "origin_archive": Cause(502, "The origin sent an archive, such as a ZIP, instead of audio."),
    "origin_video": Cause(502, "The origin's response has video. Clips are audio only."),
    "origin_codec": Cause(502, "The origin's audio has a format or codec that few browsers play."),
    "origin_too_large": Cause(502, "The origin's response is larger than this service accepts."),
    "origin_truncated": Cause(502, "The origin closed the connection before the end of the audio."),
    "origin_timeout": Cause(504, "The origin took too long to respond."),
    "origin_busy": Cause(
        503, "Too many downloads from this origin are in progress.", retry_after=5
    ),
    "store_unavailable": Cause(503, "The audio store is not available.", retry_after=10),
    "file_missing": Cause(
        503, "The clip's audio file is missing from this server.", retry_after=60
    ),
    "file_not_audio": Cause(
        503, "The clip's audio file is not audio of a supported type.", retry_after=60
    ),
}
