"""Bodies of requests."""

from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from library.api.errors import PayloadTooLarge


class JSONBodyParser(BaseParser):
    """Strict JSON (RFC 8259) of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes.

    DRF's own parser reads a body of any size. Strict: no NaN, no lone surrogates, no bytes but
    UTF-8, no bottomless nesting; each would fail only later, in the database or in our answer.
    """

    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: Any = None, parser_context: Any = None) -> Any:
        """The body's value. Raises ParseError, PayloadTooLarge."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise PayloadTooLarge(limit)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError(
                f"The body is not JSON: see line {error.lineno}, column {error.colno}."
            ) from None
