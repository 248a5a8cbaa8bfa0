"""JSON in the bodies of requests and responses, read and written by orjson."""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

from library.api.errors import InvalidJSON, PayloadTooLarge

BULK_MAX = 1000  # clips in one body
OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
_other_types = JSONEncoder().default  # for lazy translations and decimals


class Negotiation(DefaultContentNegotiation):
    """DRF's choice of the response's type, without parsing Accept if it leaves no choice."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        """Return the renderer and its media type, or raise NotAcceptable."""
        first = renderers[0]
        if request.META.get("HTTP_ACCEPT", "*/*") in ("*/*", first.media_type):
            return first, first.media_type
        return super().select_renderer(request, renderers, format_suffix)


class JSONBodyParser(BaseParser):
    """Parses strict JSON (RFC 8259) of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes.

    DRF's parser reads a body of any size. This one refuses NaN, lone surrogates, invalid UTF-8 and
    unlimited nesting, which would fail later: in the database or when the response is rendered.
    """

    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: Any = None, parser_context: Any = None) -> Any:
        """Return the body's value. Raise InvalidJSON or PayloadTooLarge."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise PayloadTooLarge(limit)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise InvalidJSON(error.lineno, error.colno) from None


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
