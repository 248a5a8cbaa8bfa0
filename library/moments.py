"""Times in requests and responses: dates and date-times of RFC 3339."""

import re
from datetime import date, datetime

MOMENT = "a date or an RFC 3339 date-time: 2026-03-29 or 2026-03-29T12:00:00+02:00"
# Section 5.6, with optional seconds and offset. An unescaped `+` in a query string arrives as a
# space.
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[t ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(z|[+ -]\d\d:\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)


def parse_moment(text: str) -> date | datetime:
    """Return a date, or a date-time, which is naive if it has no offset.

    Raises ValueError if the text is not MOMENT.
    """
    found = _MOMENT.fullmatch(text)
    day, clock, offset = found.groups(default="") if found else ("", "", "")
    if not clock:
        return date.fromisoformat(day)
    return datetime.fromisoformat(f"{day}T{clock}{offset.upper().replace(' ', '+')}")


def moment_text(moment: datetime) -> str:
    """Return an aware date-time as text, with its offset, which is `Z` for UTC."""
    return moment.isoformat().replace("+00:00", "Z")
