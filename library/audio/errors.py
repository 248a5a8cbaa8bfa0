"""Why a clip's audio cannot be had: each cause a code, and the HTTP status that answers it."""


class AudioUnavailableError(Exception):
    """The audio cannot be served now.

    `code` is a stable word for programs, `status` the HTTP status of the answer, `retry_after`
    seconds after which asking again makes sense. The detail is a sentence of ours: nothing that
    an origin said, no address and no exception's text is in it. `origin_status` is the HTTP status
    with which an origin refused.
    """

    def __init__(self, code: str, *, origin_status: int | None = None) -> None:
        self.code = code
        self.origin_status = origin_status
        self.status, self.detail, self.retry_after = CAUSES[code]
        super().__init__(code)


# code: (status, sentence for the client, Retry-After in seconds or None)
CAUSES: dict[str, tuple[int, str, int | None]] = {
    "origin_url_invalid": (502, "The clip's audio_url is not one that may be fetched.", None),
    "origin_address_refused": (
        502,
        "The origin's address is not public, or its port is not 80 or 443.",
        None,
    ),
    "origin_dns_failed": (502, "The origin's name could not be resolved.", None),
    "origin_unreachable": (502, "The origin could not be reached.", None),
    "origin_tls_failed": (502, "The origin's TLS certificate or handshake is not valid.", None),
    "origin_http_error": (502, "The origin answered with an error.", None),
    "origin_redirect_refused": (502, "The origin redirects to where it may not.", None),
    "origin_redirect_loop": (502, "The origin redirects too many times.", None),
    "origin_loop": (502, "The clip's audio_url leads back to a stream of this service.", None),
    "origin_protocol_error": (502, "The origin's answer is not valid HTTP.", None),
    "origin_content_coding": (502, "The origin sent compressed content, which is not asked.", None),
    "origin_empty": (502, "The origin sent no audio.", None),
    "origin_not_audio": (502, "What the origin sent is not audio of a known type.", None),
    "origin_too_large": (502, "The origin's audio is larger than this service takes.", None),
    "origin_truncated": (502, "The origin broke off before the end of the audio.", None),
    "origin_timeout": (504, "The origin took too long.", None),
    "origin_busy": (503, "Too much is being fetched from this origin at the moment.", 5),
    "store_unavailable": (503, "The audio store cannot take audio at the moment.", 10),
    "file_missing": (503, "The clip's audio file is missing from this server.", 60),
    "file_not_audio": (503, "The clip's audio file is not audio of a known type.", 60),
}
