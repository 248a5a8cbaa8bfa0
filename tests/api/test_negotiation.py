"""Which media type and which coding a client accepts (RFC 9110, section 12.5)."""

import gzip

import pytest

from library.api.negotiation import accepts_gzip, best, compressed

KINDS = ("application/json", "text/csv")
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("APPLICATION/JSON", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("text/csv", "text/csv"),
        ("text/csv, */*", "text/csv"),
        ("text/csv;q=0.1, application/json;q=0.2", "application/json"),
        ("text/csv;q=0.2, */*;q=0.1", "text/csv"),
        ("application/json;q=0, */*", "text/csv"),
        ("application/*;q=0, */*;q=0.1", "text/csv"),
        ("text/csv;q=0.000, application/json;q=0.001", "application/json"),
        (BROWSER, "application/json"),
        ("application/json;q=0", None),
        ("application/json ; Q = 0.0", None),
        ("application/*;q=0", None),
        ("*/*;q=0", None),
        ("*/*;q=0, application/pdf", None),
        ("text/html", None),
        ("nonsense", None),
    ],
)
def test_type_is_chosen_by_quality(accept: str, kind: str | None) -> None:
    chosen = best(accept, KINDS)
    assert (None if chosen is None else KINDS[chosen]) == kind


@pytest.mark.parametrize(
    "accept_encoding",
    [
        "gzip",
        "GZIP",
        "x-gzip",
        "deflate, gzip, br",
        "*",
        "gzip;q=0.5",
        "identity;q=0.5, gzip;q=0.5",
    ],
)
def test_gzip_is_accepted(accept_encoding: str) -> None:
    assert accepts_gzip(accept_encoding)


@pytest.mark.parametrize(
    "accept_encoding",
    [
        *("", "identity", "br", "deflate", "gzip;q=0", "gzip; q=0.000", "gzip;q=0, *"),
        *("*;q=0", "identity, gzip;q=0.5", "gzipped"),
    ],
)
def test_gzip_is_not_accepted(accept_encoding: str) -> None:
    assert not accepts_gzip(accept_encoding)


def test_same_body_is_compressed_to_the_same_bytes() -> None:
    assert compressed(b"x" * 2000) == compressed(b"x" * 2000)
    assert gzip.decompress(compressed(b"x" * 2000)) == b"x" * 2000
