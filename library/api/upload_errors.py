"""The errors of uploads: what their heads and their bodies can have wrong."""

from rest_framework import exceptions
from rest_framework.exceptions import APIException


class FormInvalid(exceptions.ParseError):
    """The form is not what its Content-Type says; `reason` is a sentence."""

    default_code = "form_invalid"
    default_detail = "The form is not valid multipart/form-data."

    def __init__(self, reason: str) -> None:
        super().__init__(f"{self.default_detail} {reason}")


class EmptyBody(exceptions.ParseError):
    """An upload has no bytes."""

    default_code = "empty_body"
    default_detail = "The request has no body. Send the audio file as the body."


class PartialBody(exceptions.ParseError):
    """An upload has Content-Range, so its body may be a part (RFC 9110, section 14.5)."""

    default_code = "partial_body"
    default_detail = (
        "The request has Content-Range, so its body may be only a part of the audio. Nothing was "
        "changed. Send the whole audio without Content-Range: with curl, without -C."
    )


class DigestInvalid(exceptions.ParseError):
    """The Content-Digest header is malformed."""

    default_code = "content_digest_invalid"
    default_detail = (
        "Content-Digest is malformed. Send the algorithm and the digest in Base64 between colons, "
        "such as sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
    )


class RawBodyNeeded(exceptions.UnsupportedMediaType):
    """The raw body of an upload is a form."""

    default_detail = (
        "Send the audio file itself as the body, not in a form: with curl, -T instead of -F."
    )

    def __init__(self) -> None:
        super().__init__("", self.default_detail)


class NotAudio(APIException):
    """The bytes of an upload are not audio that browsers play; `sentence` says what they are."""

    status_code = 415
    default_code = "not_audio"
    default_detail = "This is a PNG image, not audio."

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence)


class DigestMismatch(APIException):
    """The body is not the one whose digest the client has computed."""

    status_code = 422
    default_code = "digest_mismatch"
    default_detail = (
        "The body does not have the digest in Content-Digest: it was damaged on its way, or the "
        "digest is that of another file. Nothing was stored. Send it again."
    )
