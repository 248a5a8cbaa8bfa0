"""The client errors of a stream request."""

from rest_framework.exceptions import APIException


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
