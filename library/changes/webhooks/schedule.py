"""When a message that was not delivered is sent again."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# Seconds before each further attempt. The last one repeats until the day is over.
DELAYS = (5, 15, 60, 300, 900, 1800, 3600, 7200, 14_400)
JITTER = 0.2  # of the delay, at most: receivers that failed together are not asked together
GIVE_UP_AFTER = timedelta(days=1)


def next_attempt(
    failures: int, failing_since: datetime, now: datetime, retry_after: float | None
) -> datetime | None:
    """Return when to try again after so many failures, or None once a day of them has passed.

    Not before the receiver wants it, but always once more at the end of the day. No wait is longer
    than the longest delay.
    """
    end = failing_since + GIVE_UP_AFTER
    if now >= end:
        return None
    delay = float(DELAYS[min(failures, len(DELAYS)) - 1])
    delay = max(delay, min(retry_after or 0.0, DELAYS[-1]))
    delay *= 1 + random.uniform(0, JITTER)  # noqa: S311
    return min(now + timedelta(seconds=delay), end)


def retry_after(value: str, now: datetime) -> float | None:
    """Return the seconds of a Retry-After field (RFC 9110, 10.2.3), or None if it has none."""
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())
