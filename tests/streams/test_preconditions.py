"""Preconditions in the order of RFC 9110, 13.2.2."""

import pytest

from library.streams.preconditions import evaluate

ETAG = '"v1"'
BEFORE, MODIFIED, AFTER = (f"Sun, 01 Nov 2026 12:00:0{second} GMT" for second in (4, 5, 6))
MODIFIED_SECONDS = 1793534405


def status(**fields: str) -> int:
    """Return the status with these fields; `if_match` stands for If-Match."""
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    return evaluate(lambda name: headers.get(name.lower()), ETAG, MODIFIED_SECONDS)


def test_request_without_preconditions_is_200() -> None:
    assert status() == 200


@pytest.mark.parametrize(
    ("if_match", "expected"),
    [
        ('"v1"', 200),
        ("*", 200),
        ('"v0", "v1"', 200),
        ('"v0","v1"', 200),
        ('"a,b" , "v1"', 200),
        ('"v0"', 412),
        ('W/"v1"', 412),  # weak tags never match
        ('"v0, v1"', 412),
        ('"v1', 412),
        ("v1", 412),
        ("", 412),
    ],
)
def test_if_match(if_match: str, expected: int) -> None:
    assert status(if_match=if_match) == expected


@pytest.mark.parametrize(
    ("date", "expected"),
    [(BEFORE, 412), (MODIFIED, 200), (AFTER, 200), ("nonsense", 200), ("", 200)],
)
def test_if_unmodified_since(date: str, expected: int) -> None:
    assert status(if_unmodified_since=date) == expected


@pytest.mark.parametrize(
    ("if_none_match", "expected"),
    [
        ('"v1"', 304),
        ('W/"v1"', 304),  # compared weakly
        ("*", 304),
        (' "v0" , W/"v1"', 304),
        ('"a,b","v1"', 304),
        ('"v0"', 200),
        ('"v0", "v2"', 200),
        ('"v1, v2"', 200),
        ("v1", 200),
        ("", 200),
    ],
)
def test_if_none_match(if_none_match: str, expected: int) -> None:
    assert status(if_none_match=if_none_match) == expected


@pytest.mark.parametrize(
    ("date", "expected"),
    [(BEFORE, 200), (MODIFIED, 304), (AFTER, 304), ("nonsense", 200), ("", 200)],
)
def test_if_modified_since(date: str, expected: int) -> None:
    assert status(if_modified_since=date) == expected


def test_date_is_ignored_next_to_an_entity_tag() -> None:
    assert status(if_match=ETAG, if_unmodified_since=BEFORE) == 200
    assert status(if_none_match='"v0"', if_modified_since=AFTER) == 200


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"if_match": '"v0"'}, {"if_none_match": ETAG}, 412),
        ({"if_unmodified_since": BEFORE}, {"if_none_match": ETAG}, 412),
        ({"if_match": ETAG}, {"if_none_match": ETAG}, 304),
        ({"if_match": ETAG}, {"if_modified_since": MODIFIED}, 304),
        ({"if_unmodified_since": MODIFIED}, {"if_modified_since": MODIFIED}, 304),
        ({"if_match": ETAG}, {"if_none_match": '"v0"'}, 200),
    ],
)
def test_412_comes_before_304(first: dict[str, str], second: dict[str, str], expected: int) -> None:
    assert status(**first, **second) == expected
