"""Validators and canonical forms for the fields of clips."""

import re
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

from library.audio.origin_policy import DEFAULT_PORTS, OriginPolicy, RefusedURLError
from library.licences import UnknownLicenceError, find_licence
from library.text import validate_line


class WebURLValidator(URLValidator):
    """Accepts URLs that pages can link to. This service never requests them."""

    schemes = ("http", "https")
    message = "Enter a web address that begins with http:// or https://."

    def __call__(self, value: Any) -> None:
        validate_line(value)
        super().__call__(value)


validate_web_url = WebURLValidator()


@cache
def origin_policy() -> OriginPolicy:
    """Return the rules for origins with the operator's exceptions (CLIPS_ORIGIN_ALLOW)."""
    return OriginPolicy(settings.CLIPS_ORIGIN_ALLOW)


def validate_audio_url(value: str) -> None:
    """Raise ValidationError unless OriginPolicy allows the URL. Nothing is fetched."""
    validate_line(value)
    try:
        origin_policy().check_url(value)
    except RefusedURLError as refused:
        raise ValidationError(str(refused), code="audio_url_refused") from None


def validate_webhook_url(value: str) -> None:
    """Raise ValidationError unless OriginPolicy allows the URL and it is encrypted.

    Plain HTTP is for hosts that the operator allows (CLIPS_ORIGIN_ALLOW), as on a local network.
    """
    validate_line(value)
    try:
        parts = origin_policy().check_url(value)
    except RefusedURLError as refused:
        raise ValidationError(str(refused), code="url_refused") from None
    port = parts.port or DEFAULT_PORTS[parts.scheme or "http"]
    if parts.scheme != "https" and not origin_policy().allows(parts.host or "", port):
        raise ValidationError(
            "The URL must begin with https://. An operator can allow http:// for single hosts "
            "(CLIPS_ORIGIN_ALLOW).",
            code="https_required",
        )


# The elements of an ISRC (ISO 3901): their places, their patterns, and the patterns in words.
ISRC_ELEMENTS = {
    "country code": (slice(0, 2), "[A-Z]{2}", "two letters"),
    "registrant code": (slice(2, 5), "[A-Z0-9]{3}", "three letters or digits"),
    "year": (slice(5, 7), "[0-9]{2}", "two digits"),
    "designation code": (slice(7, 12), "[0-9]{5}", "five digits"),
}
ISRC_LENGTH = 12


def normalise_isrc(text: str) -> str:
    """Return an ISRC as twelve upper-case characters. Raises ValidationError.

    Lower case, spaces, hyphens and the prefix “ISRC” are accepted.
    """
    isrc = re.sub(r"[\s:\u2010-\u2013-]", "", text)
    isrc = isrc.upper() if isrc.isascii() else isrc  # `upper` makes two letters of an ß
    if len(isrc) == len("ISRC") + ISRC_LENGTH:
        isrc = isrc.removeprefix("ISRC")
    if problem := _isrc_problem(isrc):
        message = f"{problem} An ISRC looks like US-S1Z-99-00001."
        raise ValidationError(message, code="invalid_isrc")
    return isrc


def _isrc_problem(isrc: str) -> str:
    if len(isrc) != ISRC_LENGTH:
        return f"Enter {ISRC_LENGTH} letters and digits, not {len(isrc)}."
    for name, (place, pattern, description) in ISRC_ELEMENTS.items():
        if not re.fullmatch(pattern, isrc[place]):
            return f"The {name} must be {description}."
    return ""


def normalise_licence(text: str) -> str:
    """Return the SPDX identifier of a licence. Raises ValidationError."""
    try:
        return find_licence(text).id
    except UnknownLicenceError as error:
        raise ValidationError(str(error), code="unknown_licence") from None
