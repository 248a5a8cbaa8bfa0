"""JSON in the bodies of requests and responses, read and written by orjson."""

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.utils.encoders import JSONEncoder

from library.api.errors import ContentCoded, InvalidJSON, PayloadTooLarge, RepeatedName

BULK_MAX = 1000  # clips in one body
OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
_other_types = JSONEncoder().default  # for lazy translations and decimals


class JSONBodyParser(BaseParser):
    """Parses strict JSON (RFC 8259) of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes.

    DRF's parser reads a body of any size. This one refuses NaN, lone surrogates, invalid UTF-8 and
    unlimited nesting, which would fail later: in the database or when the response is rendered.
    """

    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: Any = None, parser_context: Any = None) -> Any:
        """Return the body's value.

        Raise ContentCoded, InvalidJSON, RepeatedName or PayloadTooLarge.
        """
        request = (parser_context or {}).get("request")
        codings = request.headers.get("Content-Encoding", "").split(",") if request else []
        if not {coding.strip().lower() for coding in codings} <= {"", "identity"}:
            raise ContentCoded
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise PayloadTooLarge(limit)
        return strict_json(body)


def strict_json(body: bytes) -> Any:
    """Return the value of strict JSON. Raises InvalidJSON or RepeatedName."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidJSON(error.lineno, error.colno) from None
    # orjson keeps the last of two equal names. Python's parser is slower, but reports both.
    with suppress(RecursionError):  # no field nests so deeply, so the value will be refused
        text = body.decode()
        json.loads(text, object_pairs_hook=_each_name_once, parse_int=str, parse_float=str)
    return value


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object. Raises RepeatedName."""
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise RepeatedName(next(name for name, count in counts.items() if count > 1))
    return found


class JSONRenderer(BaseRenderer):
    """Renders compact JSON in UTF-8 with times in RFC 3339; ignores parameters of Accept."""

    media_type = "application/json"
    format = "json"
    charset = None  # RFC 8259: JSON is UTF-8, the media type has no charset

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else orjson.dumps(data, _other_types, OPTIONS)


# Values of Accept that programs send most often; parsing one takes longer than to look it up.
JSON_ACCEPTED = frozenset(("*/*", JSONRenderer.media_type))
