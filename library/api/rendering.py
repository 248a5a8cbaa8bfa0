"""JSON responses, written by orjson."""

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.renderers import BaseRenderer
from rest_framework.utils.encoders import JSONEncoder

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
_other_types = JSONEncoder().default  # for lazy translations and decimals


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
