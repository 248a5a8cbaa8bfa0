"""Validators for the URLs of clips."""

from functools import cache

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

from library.audio.origin_policy import OriginPolicy, RefusedURLError
from library.licences import UnknownLicenceError, find_licence

# For links that pages show. This service never requests them.
validate_web_url = URLValidator(
    schemes=("http", "https"), message="Give a web address that begins with http:// or https://."
)


@cache
def origin_policy() -> OriginPolicy:
    """Return the rules for origins with the operator's exceptions (CLIPS_ORIGIN_ALLOW)."""
    return OriginPolicy(settings.CLIPS_ORIGIN_ALLOW)


def validate_audio_url(value: str) -> None:
    """Raise ValidationError unless OriginPolicy allows the URL. Nothing is fetched."""
    try:
        origin_policy().check_url(value)
    except RefusedURLError as refused:
        raise ValidationError(str(refused), code="audio_url_refused") from None


def normalise_licence(text: str) -> str:
    """Return the SPDX identifier of a licence. Raises ValidationError."""
    try:
        return find_licence(text).id
    except UnknownLicenceError as error:
        raise ValidationError(str(error), code="unknown_licence") from None
