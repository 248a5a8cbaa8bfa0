"""HTTP dates (RFC 9110, 5.6.7)."""

from datetime import UTC, datetime

import pytest

from library.streams.dates import http_date, parse_http_date

SECONDS = 784111777


def test_date_is_formatted_as_the_rfc_prefers() -> None:
    assert http_date(SECONDS) == "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ],
)
def test_all_three_formats_are_read(text: str) -> None:
    assert parse_http_date(text) == SECONDS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "784111777",
        '"tag"',
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 +0100",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Xyz 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    ],
)
def test_invalid_date_is_none(text: str) -> None:
    assert parse_http_date(text) is None


@pytest.mark.parametrize(("ahead", "century"), [(50, 0), (51, -100)])
def test_year_of_two_digits_is_at_most_50_years_in_the_future(ahead: int, century: int) -> None:
    year = datetime.now(UTC).year + ahead
    parsed = parse_http_date(f"Sunday, 06-Nov-{year % 100:02} 08:49:37 GMT")
    assert parsed is not None
    assert datetime.fromtimestamp(parsed, UTC).year == year + century
