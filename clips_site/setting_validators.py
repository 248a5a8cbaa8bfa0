"""Validators of settings. Each message completes `VARIABLE: …`."""

import re
from collections.abc import Callable
from typing import Any

from environs import ValidationError, validate

AT_LEAST_1 = validate.Range(min=1)
NOT_NEGATIVE = validate.Range(min=0)
PORT_NUMBER = validate.Range(min=1, max=65535)
PORT_OR_0 = validate.Range(min=0, max=65535)
SHARE = validate.Range(min=0, max=1)
SECONDS = validate.Range(min=0, min_inclusive=False, max=86_400)
RATE = validate.Range(min=0, min_inclusive=False)
MINUTES = validate.Range(min=1, max=525_600)
DAYS = validate.Range(min=1, max=36_500)

HEADER_VALUE = validate.Regexp(
    r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?\Z", error="Must be printable ASCII."
)
URL_OR_EMPTY = validate.Regexp(
    r"https?://[^/?#]+|\Z", error="Must start with http:// or https://, followed by a host."
)
DSN_OR_EMPTY = validate.Regexp(
    r"(https?://[^/?#@]+@[^/?#@]+(/[^?#]*)?/[0-9]+)?\Z",
    error="Must have the form https://KEY@HOST/PROJECT.",
)
TRUE_FALSE_OR_EMPTY = validate.Regexp(
    r"(true|false)?\Z", re.IGNORECASE | re.ASCII, error="Must be true or false."
)
# The first parts of the service's own paths, which nginx would no longer pass on.
OWN_PATHS = (
    *("api", "admin", "static", "docs", "redoc", "livez", "readyz", "metrics"),
    *("openapi.json", "openapi-lean.json"),
)
LOCATION_OR_EMPTY = validate.Regexp(
    rf"(?!/({'|'.join(map(re.escape, OWN_PATHS))})(/|\Z))"
    r"((/(?!\.\.?(/|\Z))[\w.~@:-]+)+/?)?\Z",
    re.ASCII,
    error="Must be an absolute path, such as /protected, and no path of the service.",
)
ADDRESS = validate.Regexp(
    r"[\w.:\[\]-]+\Z", re.ASCII, error="Must be an IP address or a host name."
)

_NAME = r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?"
_IPV6 = r"\[[0-9a-f:.]+\]"
_PORT = r":([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"


def _each(pattern: str, error: str) -> Callable[[list[Any]], None]:
    """Return a validator of a list whose entries must match; blank ones are ignored."""
    compiled = re.compile(pattern, re.IGNORECASE | re.ASCII)

    def check(values: list[Any]) -> None:
        if not all(compiled.fullmatch(value.strip()) for value in values if value.strip()):
            raise ValidationError(error)

    return check


EACH_ORIGIN = _each(
    rf"({_NAME}|{_IPV6})({_PORT})?",
    "Each entry must be a host or host:port, without http:// and path. An IPv6 address needs "
    "brackets, an international name its ASCII form (xn--…).",
)
EACH_HOST = _each(
    rf"\*|\.?{_NAME}|{_IPV6}", "Each entry must be a host name without scheme, port and path."
)
EACH_SITE = _each(
    rf"https?://(\*\.)?({_NAME}|{_IPV6})({_PORT})?",
    "Each entry must be a scheme and a host, such as https://clips.example.org.",
)

RENDITIONS = [
    f"{part}-{form}-{quality}"
    for part in ("preview", "whole")
    for form in ("mp3", "opus", "aac")
    for quality in ("high", "low")
]
EACH_RENDITION = _each("|".join(RENDITIONS), f"Each entry must be one of {', '.join(RENDITIONS)}.")

GENERATE = "generate"  # instead of a secret key
SHORTEST_KEY, FEWEST_CHARACTERS = 32, 5
WEAK_KEY = (
    f"Must have at least {SHORTEST_KEY} random characters, and be no example. Generate one: "
    "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
)
PUBLISHED_PREFIX = "django-insecure-"  # of keys that Django generates for development


def is_strong_key(key: str) -> bool:
    """Return whether a secret key is long, varied and not a published example."""
    long = len(key) >= SHORTEST_KEY and len(set(key)) >= FEWEST_CHARACTERS
    return long and not key.startswith(PUBLISHED_PREFIX)
