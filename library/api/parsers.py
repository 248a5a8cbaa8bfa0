"""Request bodies: how they are parsed, and their limits."""

from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework.parsers import BaseParser

from library.api.errors import InvalidJSON, PayloadTooLarge

BULK_MAX = 1000  # clips in one body


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
