"""A lean description: the same operations and schemas, in a fraction of the size.

It is for programs that read the whole description before each use, such as language models. It
leaves out what most of the size is made of: examples, long texts, and the errors of each operation,
which all have one of two shapes.
"""

import re
from typing import Any

SHORT = (
    "Audio clips: list, show, stream, add and change them, and read their statistics. This lean "
    "description leaves out examples and most texts; /openapi.json is the whole one. An error is "
    '`{"detail": "a sentence", "code": "a_word"}`, or `{name: [sentences], "codes": '
    '["name.code"]}` if fields or parameters are invalid.'
)
# Header fields that every response has, or that few clients need.
_COMMON_HEADERS = ("X-Request-ID", "RateLimit", "RateLimit-Policy", "Cache-Control")
_LEFT_OUT = ("allowEmptyValue", "example", "examples", "links", "pattern")
_SENTENCE = re.compile(r".*?[.:](?=\s|$)", re.DOTALL)

_REFERENCE = re.compile("#/components/schemas/([A-Za-z0-9]+)")

Node = dict[str, Any]


def lean_document(document: Node) -> Node:
    """Return the lean description; the whole one stays as it is."""
    components = document["components"]
    lean: Node = {
        **document,
        "info": document["info"] | {"description": SHORT},
        "paths": {
            path: {method: _operation(operation) for method, operation in operations.items()}
            for path, operations in document["paths"].items()
        },
    }
    lean = _shortened(lean)
    lean["components"] = _shortened(
        {
            "schemas": components["schemas"],
            "securitySchemes": components["securitySchemes"],
            "responses": {"Error": _error(components["schemas"])},
        }
    )
    _remove_unused(lean)
    return lean


def _operation(operation: Node) -> Node:
    responses: Node = {}
    for status, response in operation["responses"].items():
        if status >= "400":
            responses["default"] = {"$ref": "#/components/responses/Error"}
            continue
        headers = {
            name: {"schema": header["schema"]}
            for name, header in response.get("headers", {}).items()
            if name not in _COMMON_HEADERS
        }
        content = response.get("content", {})
        audio = [kind for kind in content if kind.startswith("audio/")]
        if audio:
            content = {"audio/*": content[audio[0]]}
        responses[status] = {
            "description": response["description"],
            **({"headers": headers} if headers else {}),
            **({"content": content} if content else {}),
        }
    return {**operation, "responses": responses}


def _error(schemas: Node) -> Node:
    shapes = [
        {"$ref": f"#/components/schemas/{name}"}
        for name in ("InvalidClips", "Error", "FieldErrors")
        if name in schemas
    ]
    return {
        "description": "An error.",
        "content": {"application/json": {"schema": {"anyOf": shapes}}},
    }


def _shortened(node: Any, *, names: bool = False) -> Any:
    """Return a copy without examples, and with one sentence of each description.

    The keys of the node are `names` of the API, such as that of a clip's field `description`.
    """
    if isinstance(node, list):
        return [_shortened(item) for item in node]
    if not isinstance(node, dict):
        return node
    short: Node = {}
    for key, value in node.items():
        if names:
            short[key] = _shortened(value)
        elif key in _LEFT_OUT:
            continue
        elif key == "description" and isinstance(value, str):
            short[key] = value if value == SHORT else _first_sentence(value)
        else:
            short[key] = _shortened(value, names=key in ("properties", "schemas", "headers"))
    return short


def _first_sentence(text: str) -> str:
    found = _SENTENCE.match(text)
    return found[0] if found else text


def _remove_unused(document: Node) -> None:
    """Remove the schemas to which nothing refers."""
    schemas = document["components"]["schemas"]
    used: set[str] = set()
    waiting = _referred({**document, "components": document["components"] | {"schemas": {}}})
    while waiting:
        name = waiting.pop()
        used.add(name)
        waiting |= _referred(schemas[name]) - used
    document["components"]["schemas"] = {name: schemas[name] for name in schemas if name in used}


def _referred(node: Any) -> set[str]:
    return set(_REFERENCE.findall(str(node)))
