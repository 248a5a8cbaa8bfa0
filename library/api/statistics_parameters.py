"""Query parameters of statistics."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from library.api.fields import ChoiceParameter
from library.api.parameters import LimitParameter, Parameters
from library.statistics.library import TOP_WINDOWS
from library.statistics.period import MAX_BUCKETS, Interval, Period, PeriodError, parse_period
from library.statistics.ranking import TOP

CLIP: Parameters = {
    "interval": ChoiceParameter(
        Interval, default=Interval.DAY.value, help_text="Length of the buckets of the series."
    ),
    "since": serializers.CharField(
        required=False,
        help_text="Start of the period: a date or an RFC 3339 date-time, rounded down to the start "
        f"of its bucket. 2000-01-01 or later, and at most {MAX_BUCKETS} buckets before `until`. By "
        "default 24 hours, 30 days, 12 weeks or 12 months before `until`.",
    ),
    "until": serializers.CharField(
        required=False,
        help_text="End of the period, exclusive: a date or an RFC 3339 date-time, rounded up to "
        "the end of its bucket. By default, and at the latest, the end of the current bucket.",
    ),
    "timezone": serializers.CharField(
        default="UTC",
        help_text="IANA time zone in which hours, days, weeks and months start, such as "
        "`Europe/Berlin`.",
    ),
    "format": ChoiceParameter(
        ["json", "csv"],
        default="json",
        help_text="Format of the response. `csv` returns only the series, as `Accept: text/csv` "
        "does.",
    ),
}
LIBRARY: Parameters = {
    "window": ChoiceParameter(
        TOP_WINDOWS, default="last_30_days", help_text="Time window of the top clips."
    ),
    "limit": LimitParameter(TOP, 10, "Maximum number of top clips."),
    **CLIP,
}


def read_period(query: Mapping[str, Any]) -> Period:
    """Return the period that the parameters of a statistics request describe.

    Raise ValidationError.
    """
    try:
        return parse_period(
            query["interval"],
            query.get("since"),
            query.get("until"),
            query["timezone"],
            timezone.now(),
        )
    except PeriodError as error:
        raise serializers.ValidationError({error.field: [error.message]}) from None
