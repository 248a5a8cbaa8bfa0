"""Bodies of requests."""

import json
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from library.api.errors import PayloadTooLarge


class JSONBodyParser(BaseParser):
    """JSON (RFC 8259) in UTF-8, of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes.

    DRF's own parser reads a body of any size, and tells the parser's exception to the client.
    """

    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: Any = None, parser_context: Any = None) -> Any:
        """The body's value. Raises ParseError, PayloadTooLarge."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise PayloadTooLarge(limit)
        try:
            return json.loads(body.decode(), parse_constant=_refuse)
        except UnicodeDecodeError:
            raise ParseError("The body is not UTF-8.") from None
        except json.JSONDecodeError as error:
            raise ParseError(
                f"The body is not JSON: see line {error.lineno}, column {error.colno}."
            ) from None
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None
        except ValueError:  # an integer of thousands of digits
            raise ParseError("The body has a number that is none of JSON's, or too long.") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and Infinity are not JSON
