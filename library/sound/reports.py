"""Checks of the decoder's reports, which are untrusted."""

from collections.abc import Collection, Mapping
from typing import Any


def check_integers(report: Mapping[Any, Any], ranges: Mapping[Any, tuple[int, int]]) -> None:
    """Check that values are integers in their ranges. Raises ValueError or KeyError."""
    for name, (lowest, highest) in ranges.items():
        value = report[name]
        if type(value) is not int or not lowest <= value <= highest:
            raise ValueError(name)


def check_numbers(
    report: Mapping[Any, Any],
    ranges: Mapping[Any, tuple[float, float]],
    optional: Collection[Any] = (),
) -> None:
    """Check numbers likewise. They may be None if they are optional, but not infinite or NaN."""
    for name, (lowest, highest) in ranges.items():
        value = report[name]
        if value is None and name in optional:
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not lowest <= value <= highest:
            raise ValueError(name)
