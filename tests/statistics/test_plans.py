"""The statement behind a clip's statistics is prepared, and planned once for all clips."""

import pytest
from django.db import connection
from django.utils import timezone

from library.statistics.clip import clip_statistics
from library.statistics.period import parse_period
from tests.support.plays import add_plays
from tests.support.recipes import linked_clip


def plans() -> tuple[int, int]:
    """Return how often this connection used the plan for all values, and one for its own values."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements"
            " WHERE statement LIKE '%library_completiontally%'"
        )
        (found,) = cursor.fetchall()
        generic, custom = found
    return generic, custom


@pytest.mark.parametrize("number", [0, 300])
def test_statement_is_planned_once_however_many_plays_a_clip_has(db: None, number: int) -> None:
    now = timezone.now()
    clip = linked_clip.make()
    add_plays(clip, [now] * number)
    for period in (parse_period(unit, None, None, None, now) for unit in ("hour", "month")):
        for _ in range(6):  # PostgreSQL compares the costs of five plans
            clip_statistics(clip.pk, period, now)
        generic, custom = plans()
        for _ in range(3):
            clip_statistics(clip.pk, period, now)
        assert plans() == (generic + 3, custom)
