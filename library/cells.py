"""Values as cells of CSV files, which spreadsheets do not treat as formulas."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from library.moments import moment_text

# Every beginning of a cell that a spreadsheet might treat as a formula, even if it splits the file
# at another separator (OWASP, CSV injection; Japanese keyboards type the last four characters).
FORMULA = "('*[=+\\-@\uff1d\uff0b\uff0d\uff20])"
_UNGUARDED = re.compile(f"(^|[,;\t\r\n]){FORMULA}")


@dataclass(frozen=True)
class Dialect:
    """The separator of a CSV file, and its decimal point."""

    delimiter: str
    decimal: str


COMMAS = Dialect(",", ".")


def to_text(value: Any) -> str:
    """Return a value as people read it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return moment_text(value.astimezone(UTC))
    if isinstance(value, float):
        return str(value).removesuffix(".0")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def to_cell(value: Any, dialect: Dialect) -> str:
    """Return a value as a cell, escaped so that spreadsheets do not treat it as a formula."""
    text = to_text(value)
    if isinstance(value, (str, list)):
        return _UNGUARDED.sub(r"\1'\2", text)
    return text.replace(".", dialect.decimal) if isinstance(value, float) else text
