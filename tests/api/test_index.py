"""GET /api/v1: the calls of the API."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from django.test import Client

from clips_site import __version__

Http = Callable[..., requests.Response]


def test_index_has_every_call_and_its_documentation(client: Client, db: None) -> None:
    index = client.get("/api/v1").json()
    assert index["version"] == __version__
    for name in ("documentation", "openapi", "openapi_lean", "counting_rule"):
        assert client.get(index[name]).status_code == 200
    paths: Any = client.get("/openapi.json").json()["paths"]
    base = "http://testserver"
    assert {(call["operation"], call["method"], call["url"]) for call in index["calls"]} == {
        (operation["operationId"], method.upper(), base + path)
        for path, methods in paths.items()
        for method, operation in methods.items()
    }
    assert all(call["summary"] for call in index["calls"])


def test_index_links_to_its_descriptions(http: Http, server: Any) -> None:
    response = http("GET", "/api/v1", headers={"Origin": "https://elsewhere.example"})
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.links["service-desc"]["url"] == f"{server.url}/openapi.json"
    assert response.links["service-doc"]["url"] == f"{server.url}/docs"
    tag = {"If-None-Match": response.headers["ETag"]}
    assert http("GET", "/api/v1", headers=tag).status_code == 304


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("HEAD", "/api/v1", {}, 200),
        ("OPTIONS", "/api/v1", {}, 200),
        ("POST", "/api/v1", {}, 405),
        ("GET", "/api/v1/", {}, 308),
        ("GET", "/api/v1?format=json", {}, 200),
        ("GET", "/api/v1?colour=red", {}, 400),
        ("GET", "/api/v1", {"Accept": "text/html"}, 406),
        ("GET", "/api/v1", {"Accept": "text/html, */*;q=0.1"}, 200),
        ("GET", "/api/v1", {"Authorization": "Bearer wrong"}, 401),
    ],
)
def test_index_is_a_call_like_others(
    http: Http, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    response = http(method, path, headers=headers)
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith("application/json") or status == 308
