"""Knowledge that Schemathesis needs and OpenAPI cannot express."""

import json
import os
from collections.abc import Iterator
from itertools import count
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData

AUDIO = os.environ["SCHEMATHESIS_AUDIO_URL"]  # of an origin on this machine
REFUSED = "http://127.0.0.1:9/refused?a=b%20c#d"  # no server listens there
MOMENTS = ["2026-11-20", "2026-11-20T12:00:00Z", "2026-11-20T12:34:56.789+05:45"]
# Rules between a clip's values: one with an upload accepts no audio_url; and its preview fits. And
# between parameters: many clips have a short series. The pattern of a text cannot name invisible
# characters above U+FFFF.
RULES = (
    "clips with series of this length",
    *("This clip's audio was uploaded", "The preview must start before", "The fades must not"),
    "Enter at least one visible character",
)
MP3 = (b"\xff\xfb\x90\x64" + bytes(413)) * 100  # no schema describes audio
PENDING = ["2"]  # seconds until the next attempt, in the response while a rendition is being made
numbers = count()

for name, texts in {
    "uri": [AUDIO, REFUSED],  # http or https, and no private host
    **json.loads(os.environ["SCHEMATHESIS_TEXTS"]),  # of formats that JSON Schema does not know
    "iana-time-zone": ["UTC", "Europe/Berlin", "Asia/Kathmandu"],
    "date-or-date-time": MOMENTS,
}.items():
    schemathesis.openapi.format(name, st.sampled_from(texts))


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Keep a generated request from failing for another reason than the one it tests."""
    for clip in case.body if isinstance(case.body, list) else [case.body]:
        if isinstance(clip, dict) and "//example.com/" in str(clip.get("audio_url")):
            clip["audio_url"] = AUDIO  # the tests may not use other hosts
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    if case.query:
        case.query.pop("cursor", None)  # it is signed
        case.query.pop("fields", None)  # the response would lack the other fields
        if "since" in case.query:
            case.query.pop("until", None)  # it must come later
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = (
            f"key-{next(numbers)}"  # a key may not be reused with another body
        )
    if "If-Match" in case.headers:
        case.headers["If-Match"] = "*"  # any other names another version
    case.headers.pop("If-Unmodified-Since", None)
    case.headers.pop("Content-Digest", None)  # it belongs to one body
    if case.media_type == "multipart/form-data" and isinstance(case.body, dict):
        case.body["audio"] = MP3
    elif case.media_type == "application/octet-stream":
        case.body = MP3


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Return whether it is a failure, and not a rule that no schema can express."""
    if response.status_code == 503 and list(response.headers["retry-after"]) == PENDING:
        return False
    if isinstance(failure, RejectedPositiveData):
        return not any(rule in response.text for rule in RULES)
    if isinstance(failure, AcceptedNegativeData) and case.media_type == "multipart/form-data":
        return False  # Schemathesis takes valid JSON in a form for invalid
    if isinstance(failure, AcceptedNegativeData):  # in a URL, a blank is also a list with one blank
        query = case.query or {}
        blank = "" in (query.get("tag"), query.get("genre"))
        return not blank and not any(text != text.strip() for text in _texts(case.body))
    return True


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts in a body. White space around them is removed before they are judged."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
