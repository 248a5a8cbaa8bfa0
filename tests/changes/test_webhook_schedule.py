"""When failed messages are sent again."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from library.changes.webhooks.schedule import DELAYS, JITTER, next_attempt, retry_after

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def attempts(wanted: float | None = None) -> list[datetime]:
    """Return the times of all attempts if each fails at once."""
    times: list[datetime] = [NOW]
    while at := next_attempt(len(times), NOW, times[-1], wanted):
        times.append(at)
    return times


def test_delays_grow_and_the_last_attempt_is_after_a_day() -> None:
    times = attempts()
    delays = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    assert delays[: len(DELAYS)] == sorted(delays[: len(DELAYS)])
    assert times[-1] == NOW + DAY
    assert 10 < len(times) < 20


def test_delays_have_jitter() -> None:
    found = {next_attempt(3, NOW, NOW, None) for _ in range(20)}
    assert len(found) > 1
    assert all(at and 60 <= (at - NOW).total_seconds() <= 60 * (1 + JITTER) for at in found)


def test_retry_after_delays_but_not_for_ever() -> None:
    at = next_attempt(1, NOW, NOW, 600)
    assert at is not None
    assert at >= NOW + timedelta(seconds=600)
    at = next_attempt(1, NOW, NOW, 10**9)
    assert at is not None
    assert at <= NOW + timedelta(seconds=DELAYS[-1] * (1 + JITTER))
    assert attempts(1.0)[-1] == NOW + DAY


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("Mon, 30 Nov 2026 12:02:00 GMT", 120),
        ("Mon, 30 Nov 2026 11:00:00 GMT", 0),
        ("9" * 5000, 999_999_999),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("1.5", None),
        ("\N{SUPERSCRIPT TWO}", None),
        ("Mon, 30 Nov 0001 00:00:00 +2359", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds
