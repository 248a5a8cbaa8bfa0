"""What is true of every operation, and what drf-spectacular cannot say: put in at the end."""

from copy import deepcopy
from typing import Any

from library.api.fields import CANONICAL
from library.api.parameters import MAX_REPEATED
from library.api.writes import BULK_MAX
from library.models.tag import MAX_TAG_LENGTH, MAX_TAGS

STREAM = "/api/v1/clips/{id}/stream"
# What a clip's id, in an answer, leads to.
FOLLOWING = ("show_clip", "change_clip", "delete_clip", "stream_clip", "clip_statistics")
# What texts refuse beside their length: blanks alone and NUL; of tags, commas and all control
# characters that are no white space.
NO_NUL = r"^[^\x00]*$"
_BLANK = r"\s\x1c-\x1f\x85"  # as Python has it
NOT_BLANK = rf"^[^\x00]*[^\x00{_BLANK}][^\x00]*$"
_NO_TAG = r",\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
TAG = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_TAG_LENGTH,
    "pattern": rf"^[^{_NO_TAG}]*[^{_NO_TAG}{_BLANK}][^{_NO_TAG}]*$",
}

Schema = dict[str, Any]


def complete(result: Schema, generator: Any, request: Any, public: bool) -> Schema:
    """drf-spectacular's hook: the schema, with what all operations share."""
    schemas = result["components"]["schemas"]
    del schemas["HealthRequest"]  # made for a field that nobody can send
    # A list of wrong clips has a `detail` and a `code`, too.
    schemas["BulkErrors"]["anyOf"] = schemas["BulkErrors"].pop("oneOf")
    for name, schema in schemas.items():
        if name.endswith("Request"):
            _taken(schema["properties"])
        elif "properties" in schema:
            schema["required"] = [*schema["properties"]]  # an answer has all of its fields
    result["components"] |= {
        "headers": {
            "RequestId": {
                "description": "Names the request in the service's log.",
                "schema": {"type": "string"},
            }
        },
        "responses": {
            "BadRequest": _error(
                "The request cannot be understood, or names a strange host.",
                "bad_request",
                "The request cannot be understood.",
            ),
            "ServerError": _error(
                "A fault of ours.", "server_error", "Something went wrong on our side."
            ),
            "Unavailable": _error(
                "The database does not answer.",
                "database_unavailable",
                "The database does not answer.",
            ),
        },
    }
    result["paths"][STREAM]["head"] = _head(result["paths"][STREAM]["get"])
    bulk = result["paths"]["/api/v1/clips/bulk"]["post"]["requestBody"]["content"]
    bulk["application/json"]["schema"] |= {"minItems": 1, "maxItems": BULK_MAX}
    for operations in result["paths"].values():
        for operation in operations.values():
            _share(operation["responses"])
            if operation["security"] == [{}]:  # anyone; as clients understand it
                operation["security"] = []
            if operation["operationId"] in ("list_clips", "show_clip"):
                _asked(operation["parameters"])
    created = result["paths"]["/api/v1/clips"]["post"]["responses"]["201"]
    created["links"] = {
        name: {"operationId": name, "parameters": {"id": "$response.body#/id"}}
        for name in FOLLOWING
    }
    return result


def _taken(fields: dict[str, Schema]) -> None:
    """Tell what fields and parameters refuse, which drf-spectacular cannot know."""
    for name, schema in fields.items():
        schema.pop("default", None)  # not of PATCH; and clients would have to send it
        if name == "tags":
            schema |= {"items": TAG, "maxItems": MAX_TAGS}
        elif name in CANONICAL:
            schema["format"] = name  # more spellings are accepted than a pattern could describe
        elif "string" in schema.get("type", ()) and not schema.keys() & {"enum", "format"}:
            schema["pattern"] = NOT_BLANK if "minLength" in schema else NO_NUL


def _asked(parameters: list[Schema]) -> None:
    """The same of a list's parameters; one that is left blank counts as not given."""
    for parameter in parameters:
        if parameter["in"] != "query":
            continue
        schema = parameter["schema"]
        default = schema.get("default")
        if schema["type"] == "array":
            each = TAG if parameter["name"] == "tag" else schema["items"] | {"pattern": NOT_BLANK}
            schema["maxItems"] = MAX_TAGS if parameter["name"] == "tag" else MAX_REPEATED
            schema["items"] = each | {"minLength": 0, "pattern": f"^$|{each['pattern']}"}
        else:
            _taken({parameter["name"]: schema})
            schema.pop("minLength", None)
            parameter["allowEmptyValue"] = True
        if default is not None:
            schema["default"] = default


def _share(responses: Schema) -> None:
    """Add what any operation may answer."""
    for status, name in ((400, "BadRequest"), (500, "ServerError"), (503, "Unavailable")):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/{name}"})
    for response in responses.values():
        if "$ref" not in response:
            headers = response.setdefault("headers", {})
            headers["X-Request-ID"] = {"$ref": "#/components/headers/RequestId"}


def _error(description: str, code: str, detail: str) -> Schema:
    content = {
        "schema": {"$ref": "#/components/schemas/Error"},
        "examples": {code: {"value": {"detail": detail, "code": code}}},
    }
    return {
        "description": description,
        "headers": {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}},
        "content": {"application/json": content},
    }


def _head(get: Schema) -> Schema:
    """HEAD, of which drf-spectacular knows nothing: that GET without its bodies."""
    head = deepcopy(get) | {
        "operationId": "stream_clip_headers",
        "summary": "Ask for a stream's headers",
        "description": "The headers of a `GET` of the whole audio: its length, type and `ETag`. "
        "`Range` is ignored, and no play is counted.",
    }
    ranges = ("Range", "If-Range")
    head["parameters"] = [each for each in head["parameters"] if each["name"] not in ranges]
    for status in ("206", "416"):
        del head["responses"][status]
    for response in head["responses"].values():
        response.pop("content", None)
    return head
