"""The Range header (RFC 9110, 14.1.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.audio.byte_range import ByteRange, UnsatisfiableRangeError, parse


@pytest.mark.parametrize(
    ("header", "start", "length"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-1", 0, 2),
        ("bytes=99-99", 99, 1),
        ("bytes=99-", 99, 1),
        ("bytes=50-", 50, 50),
        ("bytes=-1", 99, 1),
        ("bytes=-100", 0, 100),
        ("bytes=-101", 0, 100),
        ("bytes=0-999999999", 0, 100),
        ("bytes=0-" + "9" * 5000, 0, 100),
        ("bytes=-" + "9" * 5000, 0, 100),
        ("BYTES=3-4", 3, 2),
        ("bytes= 3-4 ", 3, 2),
    ],
)
def test_satisfiable_range_is_parsed(header: str, start: int, length: int) -> None:
    assert parse(header, 100) == ByteRange(start, length)


@pytest.mark.parametrize(
    "header",
    [
        "bytes=5-2",
        "bytes=a-b",
        "bytes=--5",
        "bytes=-",
        "bytes=",
        "bytes",
        "",
        "bytes=0-1,5-6",
        "seconds=0-1",
        "bytes=0-1;2",
        "bytes=+1-2",
        "bytes=١-٢",  # noqa: RUF001
        "bytes=0x1-2",
        "bytes 0-1",
    ],
)
def test_malformed_header_other_unit_and_multiple_ranges_are_ignored(header: str) -> None:
    assert parse(header, 100) is None


@pytest.mark.parametrize(
    "header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=" + "9" * 5000 + "-"]
)
def test_range_past_the_end_is_unsatisfiable(header: str) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        parse(header, 100)


def model(first: int | None, last: int | None, size: int) -> list[int] | None:
    """List the offsets of the bytes that a range selects; None for the whole body."""
    offsets = list(range(size))
    if first is None:
        assert last is not None
        return offsets[size - min(last, size) :]
    if last is not None and last < first:
        return None
    return [offset for offset in offsets if first <= offset and (last is None or offset <= last)]


numbers = st.integers(0, 60)


@given(first=st.none() | numbers, last=st.none() | numbers, size=st.integers(1, 50))
def test_parser_selects_the_same_bytes_as_the_model(
    first: int | None, last: int | None, size: int
) -> None:
    if first is None and last is None:
        return
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    expected = model(first, last, size)
    if expected == []:
        with pytest.raises(UnsatisfiableRangeError):
            parse(header, size)
        return
    found = parse(header, size)
    selected = None if found is None else list(range(found.start, found.stop))
    assert selected == expected


@given(header=st.text(max_size=40) | st.from_regex(r"bytes=[0-9, -]*", fullmatch=True))
def test_any_text_gives_existing_bytes_or_unsatisfiable_range(header: str) -> None:
    try:
        found = parse(header, 10)
    except UnsatisfiableRangeError:
        return
    assert found is None or 0 <= found.start < found.stop <= 10
