"""The lean description: all operations and schemas, in a fraction of the size."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from drf_spectacular.generators import SchemaGenerator
from openapi_schema_validator import OAS31Validator

from library.api.openapi.lean import lean_document

Http = Callable[..., requests.Response]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    schema: dict[str, Any] = generator.get_schema(public=True)  # type: ignore[no-untyped-call]
    return schema


@pytest.fixture(scope="module")
def lean(document: dict[str, Any]) -> dict[str, Any]:
    return lean_document(document)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def test_it_has_every_operation_and_parameter(
    document: dict[str, Any], lean: dict[str, Any]
) -> None:
    for (path, method, whole), (*same, short) in zip(
        operations(document), operations(lean), strict=True
    ):
        assert [path, method] == same
        assert short["operationId"] == whole["operationId"]
        assert [each["name"] for each in short.get("parameters", ())] == [
            each["name"] for each in whole.get("parameters", ())
        ]
        assert short.get("requestBody", {}).keys() == whole.get("requestBody", {}).keys()


def test_its_schemas_have_all_fields(document: dict[str, Any], lean: dict[str, Any]) -> None:
    whole, short = (each["components"]["schemas"] for each in (document, lean))
    for name, schema in short.items():
        OAS31Validator.check_schema(schema)
        assert schema.get("properties", {}).keys() == whole[name].get("properties", {}).keys()
    assert {"Clip", "ClipRequest", "PatchedClipRequest", "FieldErrors"} <= short.keys()


def test_it_is_a_fraction_of_the_whole(http: Http) -> None:
    whole, lean = (http("GET", f"/openapi{name}.json") for name in ("", "-lean"))
    assert whole.json()["paths"].keys() == lean.json()["paths"].keys()
    assert len(lean.content) < len(whole.content) / 3
    for answer in (whole, lean):
        again = http(
            "GET", answer.request.path_url, headers={"If-None-Match": answer.headers["ETag"]}
        )
        assert again.status_code == 304


@pytest.mark.parametrize("kind", ["application/json", "application/vnd.oai.openapi+json"])
def test_description_has_the_type_that_the_client_accepts(http: Http, kind: str) -> None:
    assert http("GET", "/openapi.json", headers={"Accept": kind}).headers["Content-Type"] == kind
