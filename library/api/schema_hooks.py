"""What is true of every operation, and what drf-spectacular cannot say: put in at the end."""

from copy import deepcopy
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension

STREAM = "/api/v1/clips/{id}/stream"
# What a clip's id, in an answer, leads to.
FOLLOWING = ("show_clip", "change_clip", "delete_clip", "stream_clip", "clip_statistics")
NO_NUL = r"^[^\x00]*$"
NOT_BLANK = r"^[^\x00]*[^\x00\s][^\x00]*$"

Schema = dict[str, Any]


class TextExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """What DRF's text fields refuse beside their length: blanks alone, and NUL."""

    target_class = "rest_framework.serializers.CharField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Schema:
        """As it is, with a pattern where it is taken."""
        schema: Schema = auto_schema._map_serializer_field(  # noqa: SLF001  # as its docs have it
            self.target, direction, bypass_extensions=True
        )
        if direction == "request":
            schema.pop("default", None)  # not of PATCH, and clients would have to send it
        if direction == "request" and schema.get("format") is None:
            schema["pattern"] = NO_NUL if self.target.allow_blank else NOT_BLANK
        return schema


def complete(result: Schema, generator: Any, request: Any, public: bool) -> Schema:
    """drf-spectacular's hook: the schema, with what all operations share."""
    schemas = result["components"]["schemas"]
    del schemas["HealthRequest"]  # made for a field that nobody can send
    # A list of wrong clips has a `detail` and a `code`, too.
    schemas["BulkErrors"]["anyOf"] = schemas["BulkErrors"].pop("oneOf")
    for name, schema in schemas.items():
        if not name.endswith("Request") and "properties" in schema:
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
    for operations in result["paths"].values():
        for operation in operations.values():
            _share(operation["responses"])
    created = result["paths"]["/api/v1/clips"]["post"]["responses"]["201"]
    created["links"] = {
        name: {"operationId": name, "parameters": {"id": "$response.body#/id"}}
        for name in FOLLOWING
    }
    return result


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
