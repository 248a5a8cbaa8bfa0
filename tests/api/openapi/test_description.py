"""The OpenAPI description itself; test_schemathesis.py compares it with real responses."""

from collections.abc import Iterator
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from openapi_schema_validator import OAS31Validator


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    schema: dict[str, Any] = generator.get_schema(public=True)  # type: ignore[no-untyped-call]
    return schema


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[str, Any]:
    return {
        operation["operationId"]: operation
        for path in document["paths"].values()
        for operation in path.values()
    }


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The media types of bodies and responses except audio, uploads of audio, and images."""
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        if media_type not in ("application/octet-stream", "multipart/form-data"):
            yield "request", media_type, content
    for status, response in operation["responses"].items():
        for media_type, content in response.get("content", {}).items():
            if not media_type.startswith(("audio/", "image/")):
                yield status, media_type, content


def test_every_body_and_response_has_an_example(operations: dict[str, Any]) -> None:
    bare = [
        (name, where, media_type)
        for name, operation in operations.items()
        for where, media_type, content in contents(operation)
        if not content.get("examples")
    ]
    assert bare == []


def test_every_example_matches_its_schema(
    document: dict[str, Any], operations: dict[str, Any]
) -> None:
    wrong = []
    for name, operation in operations.items():
        for where, _, content in contents(operation):
            root = content["schema"] | {"components": document["components"]}
            validator = OAS31Validator(root)
            for title, example in content.get("examples", {}).items():
                wrong += [
                    (name, where, title, e.message) for e in validator.iter_errors(example["value"])
                ]
    assert wrong == []


def test_stream_documents_ranges(operations: dict[str, Any]) -> None:
    part = operations["stream_clip"]["responses"]["206"]
    assert part["content"]["audio/mpeg"]["schema"] == {"type": "string", "format": "binary"}
    assert set(part["headers"]) >= {
        *("Accept-Ranges", "Content-Length", "Content-Range", "Content-Disposition"),
        *("ETag", "Last-Modified", "X-Request-ID"),
    }


def test_head_of_a_stream_has_headers_but_no_body(operations: dict[str, Any]) -> None:
    whole, head = (operations[name]["responses"] for name in ("stream_clip", "stream_clip_headers"))
    assert head["200"]["headers"] == whole["200"]["headers"]
    assert not any("content" in response for response in head.values())


@pytest.mark.parametrize(
    ("operation", "errors"),
    [
        ("list_clips", {400, 401, 406, 412}),
        ("show_clip", {400, 401, 404, 406, 410, 412}),
        ("add_clip", {400, 401, 403, 404, 406, 409, 410, 411, 413, 415, 422}),
        ("add_clips", {400, 401, 403, 404, 406, 409, 410, 411, 413, 415, 422}),
        ("change_clip", {400, 401, 403, 404, 406, 410, 411, 412, 413, 415}),
        ("delete_clip", {400, 401, 403, 404, 406, 410, 411, 412}),
        ("stream_clip", {400, 403, 404, 410, 412, 416, 502, 504}),
        ("facets", {400, 401, 406, 412}),
        ("report_listen", {400, 404, 410, 411, 413, 415}),
        ("clip_statistics", {400, 401, 404, 406, 412}),
        ("library_statistics", {400, 401, 406, 412}),
        ("clips_statistics", {400, 401, 406, 412}),
    ],
)
def test_every_error_is_documented(
    operations: dict[str, Any], operation: str, errors: set[int]
) -> None:
    documented = {int(status) for status in operations[operation]["responses"]}
    of_any = {408, 414, 421, 429, 431, 500, 503}
    assert {status for status in documented if status >= 400} == errors | of_any
