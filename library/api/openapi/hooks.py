"""Post-processing of the generated description: additions that drf-spectacular cannot make."""

from collections.abc import Collection
from copy import deepcopy
from typing import Any

from library.api.added_clips import PROPOSED, UPLOADED
from library.api.fields import CANONICAL
from library.api.filter_fields import ID_LIST, MAX_REPEATED
from library.api.json_bodies import BULK_MAX
from library.api.representation import FIELDS
from library.models import Clip
from library.models.tag import MAX_TAG_LENGTH, MAX_TAGS
from library.models.text import BlockField
from library.text import HIDDEN_IN_BLOCK, HIDDEN_IN_LINE, INVISIBLE

STREAM, AUDIO = "/api/v1/clips/{id}/stream", "/api/v1/clips/{id}/audio"
# Operations that take the id of a new clip.
FOLLOWING = ("show_clip", "change_clip", "delete_clip", "stream_clip", "clip_statistics")
OPTIONAL = {"AddedClip": UPLOADED, "Proposals": PROPOSED}
_BLANK = r"\s\x1c-\x1f\x85"  # white space in Python


def _text(hidden: str, *, blank: bool = False) -> str:
    """Return the pattern of a text without these characters that, by default, is not blank.

    White space around it may have them, since it is removed. Text that is not blank has a visible
    character.
    """
    space, end, inner = f"[{_BLANK}]*", f"[^{hidden}{_BLANK}]", f"[^{hidden}]*"
    visible = f"[^{hidden}{_BLANK}{INVISIBLE}]"
    return rf"^{space}(({end}{inner})?{visible}({inner}{end})?){'?' if blank else ''}{space}$"


NUL = r"\x00"  # the only character that a query parameter must not contain
BLOCKS = [field.name for field in Clip._meta.concrete_fields if isinstance(field, BlockField)]
TAG = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_TAG_LENGTH,
    "pattern": _text("," + HIDDEN_IN_BLOCK),  # tabs and line breaks separate words, too
}
_FIELD = f"({'|'.join(FIELDS)})"
FIELD_LIST = f"^{_FIELD}(,{_FIELD})*$"
HOST = "^[A-Za-z0-9_.-]*(:[A-Za-z0-9_.-]*:[A-Za-z0-9_.:-]*)?$"  # `library.plays.request.is_host`
# Schemathesis knows these formats; JSON Schema does not.
FORMATS = {
    **{name: name for name in CANONICAL},  # more spellings are accepted than a pattern describes
    "since": "date-or-date-time",
    "until": "date-or-date-time",
    "created_after": "date-or-date-time",
    "created_before": "date-or-date-time",
    "updated_since": "date-or-date-time",
    "timezone": "iana-time-zone",
}

Schema = dict[str, Any]


def complete(result: Schema, generator: Any, request: Any, public: bool) -> Schema:
    """Complete the description that drf-spectacular has generated."""
    schemas = result["components"]["schemas"]
    del schemas["HealthRequest"]  # of a read-only field
    # The errors of a list have a `detail` and a `code`, as a single error has.
    schemas["BulkErrors"]["anyOf"] = schemas["BulkErrors"].pop("oneOf")
    for name, schema in schemas.items():
        if name.endswith("Request"):
            schema["additionalProperties"] = False
            _restrict(schema["properties"])
        elif "properties" in schema:
            _require(schema, OPTIONAL.get(name, ()))
    result["components"]["headers"] = {
        "RequestId": {
            "description": "Identifies the request in the service's log.",
            "schema": {"type": "string"},
        }
    }
    result["paths"][STREAM]["head"] = _head(result["paths"][STREAM]["get"])
    bulk = result["paths"]["/api/v1/clips/bulk"]["post"]["requestBody"]["content"]
    bulk["application/json"]["schema"] |= {"minItems": 1, "maxItems": BULK_MAX}
    result["paths"][AUDIO]["put"]["requestBody"]["required"] = True
    for operations in result["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                headers = response.setdefault("headers", {})
                headers["X-Request-ID"] = {"$ref": "#/components/headers/RequestId"}
            if operation["security"] == [{}]:  # anyone; clients understand the empty list
                operation["security"] = []
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query" and parameter["name"] != "download":
                    _allow_blank(parameter)
    created = result["paths"]["/api/v1/clips"]["post"]["responses"]["201"]
    created["links"] = {
        name: {"operationId": name, "parameters": {"id": "$response.body#/id"}}
        for name in FOLLOWING
    }
    return result


def _require(schema: Schema, optional: Collection[str]) -> None:
    """Require the fields of a response: it has all of them, except for those of an upload."""
    schema["required"] = [name for name in schema["properties"] if name not in optional]
    if not schema["required"]:
        del schema["required"]


def _restrict(fields: dict[str, Schema]) -> None:
    """Add the restrictions that drf-spectacular does not know."""
    for name, schema in fields.items():
        schema.pop("default", None)  # PATCH has none, and clients would have to send it
        if name == "tags":
            schema |= {"items": TAG, "maxItems": MAX_TAGS}
        elif name in FORMATS:
            schema["format"] = FORMATS[name]
        elif "string" in schema.get("type", ()) and not schema.keys() & {"enum", "format"}:
            hidden = HIDDEN_IN_BLOCK if name in BLOCKS else HIDDEN_IN_LINE
            schema["pattern"] = _text(hidden, blank="minLength" not in schema)


def _allow_blank(parameter: Schema) -> None:
    """Restrict a query parameter in the same way, but allow a blank, which counts as absent."""
    schema = parameter["schema"]
    default = schema.get("default")
    if schema["type"] == "array":
        each = TAG if parameter["name"] == "tag" else schema["items"] | {"pattern": _text(NUL)}
        schema["maxItems"] = MAX_TAGS if parameter["name"] == "tag" else MAX_REPEATED
        schema["items"] = each | {"minLength": 0, "pattern": f"^$|{each['pattern']}"}
        if parameter["name"] in FORMATS:
            schema["items"] = {"type": "string", "format": FORMATS[parameter["name"]]}
    else:
        schema.pop("default", None)
        if parameter["name"] == "fields":
            schema["pattern"] = f"^$|{FIELD_LIST}"
        elif parameter["name"] == "ids":
            schema["pattern"] = f"^$|^{ID_LIST}$"
        elif parameter["name"] == "embedded_in":
            schema["pattern"] = HOST
        elif parameter["name"] in FORMATS:
            schema["format"] = FORMATS[parameter["name"]]
        elif "string" in schema["type"] and not schema.keys() & {"enum", "format"}:
            schema["pattern"] = _text(NUL, blank=True)
        schema.pop("minLength", None)
        parameter["allowEmptyValue"] = True
    if default is not None:
        schema["default"] = default


def _head(get: Schema) -> Schema:
    """Return the HEAD operation of a stream: its GET without bodies and ranges."""
    head = deepcopy(get) | {
        "operationId": "stream_clip_headers",
        "summary": "Get the headers of a stream",
        "description": "Return the headers of a `GET` of the whole audio, such as its length, type "
        "and `ETag`. `Range` is ignored, and no play is counted.",
    }
    ranges = ("Range", "If-Range")
    head["parameters"] = [each for each in head["parameters"] if each["name"] not in ranges]
    for status in ("206", "416"):
        del head["responses"][status]
    for response in head["responses"].values():
        response.pop("content", None)
    return head
