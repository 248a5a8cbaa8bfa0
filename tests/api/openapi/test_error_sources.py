"""Codes and sentences of errors exist once: in the exceptions. OpenAPI takes them from there."""

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework.exceptions import APIException, ValidationError

from harness.service import ROOT
from library.api import urls as urls  # its import defines all errors
from library.audio.errors import CAUSES
from library.streams import errors as stream_errors

WRITTEN_IN = ("library/api", "library/audio/errors.py", "library/streams/errors.py")
OF_STREAMS = ("AUDIO_CHANGED", "RANGE_NOT_SATISFIABLE")  # in library/streams/errors.py
WORDS = 5  # shorter texts, such as names of headers, may occur twice
SENTENCE_END = re.compile(r"(?<=[.!?:;])\s+")


def error_classes(base: type[APIException] = APIException) -> Iterator[type[APIException]]:
    for error_class in base.__subclasses__():
        if error_class is not ValidationError:  # fields and parameters have sentences of their own
            yield error_class
            yield from error_classes(error_class)


def sentences_of_errors() -> list[str]:
    sentences = [str(error_class.default_detail) for error_class in error_classes()]
    of_streams = [getattr(stream_errors, name).detail for name in OF_STREAMS]
    return sentences + of_streams + [cause[1] for cause in CAUSES.values()]


def described() -> dict[str, Any]:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    document: dict[str, Any] = generator.get_schema(public=True)  # type: ignore[no-untyped-call]
    return document


def examples(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Code and sentence of each documented error, with the description of its response."""
    return [
        (example["value"]["code"], example["value"]["detail"], response["description"])
        for path in document["paths"].values()
        for operation in path.values()
        for status, response in operation["responses"].items()
        if status >= "400"
        for content in response.get("content", {}).values()
        for example in content.get("examples", {}).values()
        if "code" in example["value"]
    ]


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The description after the code and sentence of every error were changed."""
    for error_class in error_classes():
        name = error_class.__name__
        monkeypatch.setattr(error_class, "default_code", f"new_{name}")
        monkeypatch.setattr(error_class, "default_detail", f"New sentence of {name}.")
    for name in OF_STREAMS:
        error = getattr(stream_errors, name)
        new = error._replace(code=f"new_{name}", detail=f"New sentence of {name}.")
        monkeypatch.setattr(stream_errors, name, new)
    for code, (status, _, wait) in list(CAUSES.items()):
        cause = (status, f"New sentence of {code}.", wait)
        monkeypatch.setitem(CAUSES, code, cause)
    return described()


def test_openapi_follows_changed_codes_and_sentences(changed: dict[str, Any]) -> None:
    unchanged = [
        (code, sentence)
        for code, sentence, description in examples(changed)
        if not (code.startswith("new_") or code in CAUSES)
        or not sentence.startswith("New sentence of ")
        or f"`{code}`: {sentence}" not in description
    ]
    assert unchanged == []


def test_changed_sentences_are_nowhere_else_in_openapi(request: pytest.FixtureRequest) -> None:
    sentences = sentences_of_errors()
    text = json.dumps(request.getfixturevalue("changed"))
    assert [sentence for sentence in sentences if json.dumps(sentence)[1:-1] in text] == []


class _Texts(ast.NodeVisitor):
    """Collects the string literals of a module, without its docstrings."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # else a docstring
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.found.append((node.lineno, node.value))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        self.found.append((node.lineno, "".join(str(part) for part in parts)))


def sentences_of(path: Path) -> Iterator[tuple[str, str]]:
    """The sentences in a module's string literals, each with its place."""
    texts = _Texts()
    texts.visit(ast.parse(path.read_text()))
    for line, text in texts.found:
        for sentence in SENTENCE_END.split(text):
            if len(re.findall(r"[A-Za-z]{2,}", sentence)) >= WORDS:
                yield sentence.strip(), f"{path.relative_to(ROOT)}:{line}"


def test_no_sentence_is_written_twice() -> None:
    places = defaultdict(list)
    for written_in in WRITTEN_IN:
        path = ROOT / written_in
        for module in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            for sentence, place in sentences_of(module):
                places[sentence].append(place)
    assert {sentence: found for sentence, found in places.items() if len(found) > 1} == {}
