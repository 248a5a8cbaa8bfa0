"""Post-processing of the generated description: additions that drf-spectacular cannot make."""

from copy import deepcopy
from typing import Any

from library.api.fields import CANONICAL
from library.api.json_bodies import BULK_MAX
from library.api.parameters import MAX_REPEATED
from library.models.tag import MAX_TAG_LENGTH, MAX_TAGS

STREAM = "/api/v1/clips/{id}/stream"
# Operations that take the id of a new clip.
FOLLOWING = ("show_clip", "change_clip", "delete_clip", "stream_clip", "clip_statistics")
# Texts must not contain NUL or consist only of white space. Tags must not contain commas or control
# characters other than white space.
NO_NUL = r"^[^\x00]*$"
_BLANK = r"\s\x1c-\x1f\x85"  # white space in Python
NOT_BLANK = rf"^[^\x00]*[^\x00{_BLANK}][^\x00]*$"
_NO_TAG = r",\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
TAG = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_TAG_LENGTH,
    "pattern": rf"^[^{_NO_TAG}]*[^{_NO_TAG}{_BLANK}][^{_NO_TAG}]*$",
}
# Schemathesis knows these formats; JSON Schema does not.
FORMATS = {
    **{name: name for name in CANONICAL},  # more spellings are accepted than a pattern describes
    "since": "date-or-date-time",
    "until": "date-or-date-time",
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
            _restrict(schema["properties"])
        elif "properties" in schema:
            schema["required"] = [*schema["properties"]]  # a response has all of its fields
    result["components"]["headers"] = {
        "RequestId": {
            "description": "Identifies the request in the service's log.",
            "schema": {"type": "string"},
        }
    }
    result["paths"][STREAM]["head"] = _head(result["paths"][STREAM]["get"])
    bulk = result["paths"]["/api/v1/clips/bulk"]["post"]["requestBody"]["content"]
    bulk["application/json"]["schema"] |= {"minItems": 1, "maxItems": BULK_MAX}
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


def _restrict(fields: dict[str, Schema]) -> None:
    """Add the restrictions that drf-spectacular does not know."""
    for name, schema in fields.items():
        schema.pop("default", None)  # PATCH has none, and clients would have to send it
        if name == "tags":
            schema |= {"items": TAG, "maxItems": MAX_TAGS}
        elif name in FORMATS:
            schema["format"] = FORMATS[name]
        elif "string" in schema.get("type", ()) and not schema.keys() & {"enum", "format"}:
            schema["pattern"] = NOT_BLANK if "minLength" in schema else NO_NUL


def _allow_blank(parameter: Schema) -> None:
    """Restrict a query parameter in the same way, but allow a blank, which counts as absent."""
    schema = parameter["schema"]
    default = schema.get("default")
    if schema["type"] == "array":
        each = TAG if parameter["name"] == "tag" else schema["items"] | {"pattern": NOT_BLANK}
        schema["maxItems"] = MAX_TAGS if parameter["name"] == "tag" else MAX_REPEATED
        schema["items"] = each | {"minLength": 0, "pattern": f"^$|{each['pattern']}"}
    else:
        _restrict({parameter["name"]: schema})
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
