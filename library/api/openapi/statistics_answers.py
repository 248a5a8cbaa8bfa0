"""Schemas of the statistics."""

from typing import Any

from rest_framework import serializers

from library.models import TWENTIETHS, Client
from library.statistics.audience import Audience
from library.statistics.buckets import Interval
from library.statistics.clips import REASONS
from library.statistics.library import TOP_WINDOWS

CLIENTS = list(Client.values)
AUDIENCES = [str(audience) for audience in Audience]
INTERVALS = [str(interval) for interval in Interval]
AS_OF = "When the statistics were read."
_RANKED = "When the clips were ranked."
_NOT_YET = (
    "while the service ranks the clips for the first time, or after an hour without a request: in "
    "a large library, for some seconds."
)
RANKED_AS_OF = f"{_RANKED} Null, and then all ranks are null, {_NOT_YET}"
_WITHOUT_RANK = "Null without plays, and while `ranked_as_of` is null."
_PEOPLE = (
    "Plays by people. Null if it is unknown for some of the plays: see `/docs/plays` for plays "
    "from before it was counted."
)
COUNTING_RULE = "URL of the rule for what counts as a play."


class Answer(serializers.Serializer[Any]):
    """A response that is only described: the views build it without serializers."""


class PeopleWindows(Answer):
    """Plays by people in the windows that end at `as_of`; null if unknown."""

    last_24_hours = serializers.IntegerField(allow_null=True)
    last_7_days = serializers.IntegerField(allow_null=True)
    last_30_days = serializers.IntegerField(allow_null=True)


class Windows(Answer):
    """Plays in the windows that end at `as_of`, each made of whole quarters of an hour."""

    last_24_hours = serializers.IntegerField()
    last_7_days = serializers.IntegerField()
    last_30_days = serializers.IntegerField()


class Compared(Answer):
    """Plays in the period, compared with those before it."""

    plays = serializers.IntegerField(help_text="Plays in the period.")
    plays_before = serializers.IntegerField(
        help_text="Plays in the same number of buckets before the period."
    )
    people = serializers.IntegerField(allow_null=True, help_text=_PEOPLE)
    people_before = serializers.IntegerField(allow_null=True)
    change = serializers.FloatField(
        allow_null=True,
        help_text="Relative to the plays before, of the requested `audience`: 0.5 is 50 % more. "
        "Null if those are 0 or unknown.",
    )


class PeriodTimes(Answer):
    """The requested period, extended to whole buckets."""

    since = serializers.DateTimeField(help_text="In the requested time zone.")
    until = serializers.DateTimeField(help_text="Exclusive.")
    interval = serializers.ChoiceField(INTERVALS)
    timezone = serializers.CharField()


class Period(PeriodTimes, Compared):
    """The requested period, extended to whole buckets, and its plays."""


class Bucket(Answer):
    """Plays from `start` until the start of the next bucket."""

    start = serializers.DateTimeField(help_text="In the requested time zone, with its offset.")
    plays = serializers.IntegerField()
    people = serializers.IntegerField(allow_null=True, help_text=_PEOPLE)


class Trend(Answer):
    """Plays in a window that ends at `as_of`, compared with the window before it."""

    since = serializers.DateTimeField(help_text="Start of the window.")
    plays = serializers.IntegerField()
    plays_before = serializers.IntegerField()
    people = serializers.IntegerField(allow_null=True, help_text=_PEOPLE)
    people_before = serializers.IntegerField(allow_null=True)
    change = serializers.FloatField(allow_null=True)


class RankedTrend(Trend):
    """A clip's trend and its rank: 1 for the most played clip; clips with equal plays share one.

    The requested `audience` decides whose plays count.
    """

    rank = serializers.IntegerField(allow_null=True, help_text=_WITHOUT_RANK)
    rank_before = serializers.IntegerField(allow_null=True)


class Trends(Answer):
    """The trends of the library."""

    last_24_hours = Trend()
    last_7_days = Trend()
    last_30_days = Trend()


class RankedTrends(Answer):
    """The trends of a clip."""

    last_24_hours = RankedTrend()
    last_7_days = RankedTrend()
    last_30_days = RankedTrend()


class AudienceDays(Answer):
    """The UTC days that the period includes in whole or in part, both inclusive."""

    since = serializers.DateField()
    until = serializers.DateField()


class ClientShare(Answer):
    """Plays by one kind of client."""

    client = serializers.ChoiceField(CLIENTS)
    plays = serializers.IntegerField()
    share = serializers.FloatField(help_text="Share of all plays on these days, from 0 to 1.")


class ReferrerShare(Answer):
    """Plays that one referring host led to."""

    referrer = serializers.CharField(help_text="The host, or empty if the client sent none.")
    plays = serializers.IntegerField()
    share = serializers.FloatField()


class Completion(Answer):
    """How the streams of the period's plays ended."""

    ended = serializers.IntegerField(help_text="Plays whose end is known.")
    completed = serializers.IntegerField(help_text="Plays whose audio was sent to the last byte.")
    bytes_sent = serializers.IntegerField(help_text="Bytes sent.")
    share = serializers.FloatField(allow_null=True)


class Heard(Answer):
    """What players reported of the listens that began on the `audience_days`."""

    listens = serializers.IntegerField(help_text="Sessions that reported.")
    seconds = serializers.FloatField(
        help_text="Seconds heard. A listen counts each part of the clip once, and not more seconds "
        "than passed."
    )
    median_share = serializers.FloatField(
        allow_null=True,
        help_text="Median of the shares of the clip that a listen heard, to a hundredth. Null "
        "without listens.",
    )
    retention = serializers.ListField(
        child=serializers.FloatField(),
        min_length=TWENTIETHS,
        max_length=TWENTIETHS,
        help_text="For each twentieth of the clip, the share of listens that heard at least half "
        "of it.",
    )


class TopClip(Answer):
    """One of the most played clips."""

    rank = serializers.IntegerField()
    id = serializers.IntegerField()
    title = serializers.CharField()
    plays = serializers.IntegerField(help_text="Plays in the window.")
    people = serializers.IntegerField(allow_null=True, help_text="Those by people.")
    play_count = serializers.IntegerField(help_text="All plays.")
    people_count = serializers.IntegerField(help_text="All plays by people.")


class Top(Answer):
    """The most played clips of a window."""

    window = serializers.ChoiceField(TOP_WINDOWS)
    as_of = serializers.DateTimeField(
        allow_null=True,
        help_text=f"{_RANKED} Null, and then there are no `clips`, {_NOT_YET}",
    )
    clips = TopClip(many=True)


class ClipTotals(Answer):
    """The plays of a clip in total and in windows."""

    id = serializers.IntegerField(help_text="The clip's id.")
    title = serializers.CharField()
    play_count = serializers.IntegerField(help_text="All plays.")
    people_count = serializers.IntegerField(help_text="All plays by people.")
    first_played_at = serializers.DateTimeField(allow_null=True)
    last_played_at = serializers.DateTimeField(allow_null=True)
    rank = serializers.IntegerField(
        allow_null=True,
        help_text=f"The rank by all plays of the requested `audience`. {_WITHOUT_RANK}",
    )
    plays = Windows()
    people = PeopleWindows()
    trends = RankedTrends()


class Listeners(Answer):
    """Unique listeners."""

    unique_listeners = serializers.IntegerField(
        help_text="Sum over the `audience_days`. A listener on two days counts twice."
    )
    unique_people = serializers.IntegerField(help_text="Those who are people.")


class Asked(Answer):
    """Whose plays decide ranks and changes."""

    audience = serializers.ChoiceField(AUDIENCES, help_text="As requested.")
    people_clients = serializers.ListField(
        child=serializers.ChoiceField(CLIENTS),
        help_text="The kinds of client whose plays are those by people.",
    )


class Moments(Answer):
    """When the statistics were made."""

    as_of = serializers.DateTimeField(help_text=AS_OF)
    ranked_as_of = serializers.DateTimeField(allow_null=True, help_text=RANKED_AS_OF)
    counting_rule = serializers.URLField(help_text=COUNTING_RULE)


class ClipStatistics(Moments, Listeners, Asked, ClipTotals):
    """The statistics of a clip."""

    period = Period()
    series = Bucket(many=True)
    audience_days = AudienceDays()
    clients = ClientShare(many=True)
    referrers = ReferrerShare(many=True, help_text="The 20 most frequent referrers.")
    completion = Completion()
    heard = Heard()


class ClipInPeriod(Listeners, ClipTotals):
    """The statistics of one of many clips."""

    period = Compared()
    series = Bucket(many=True, allow_null=True, help_text="Null without the parameter `interval`.")
    completion = Completion()


class MissingClip(Answer):
    """An id of the parameter `ids` that is on no page."""

    id = serializers.IntegerField()
    reason = serializers.ChoiceField(
        REASONS,
        help_text="`filtered`: the clip exists, but does not match the other filters. Deleted and "
        "withdrawn clips keep their statistics, in `/clips/{id}/stats`.",
    )


class ClipsStatistics(Moments, Asked):
    """The statistics of the clips of a page."""

    clips = ClipInPeriod(many=True)
    missing = MissingClip(
        many=True, help_text="The same on each page. Empty without the parameter `ids`."
    )
    period = PeriodTimes()
    audience_days = AudienceDays()


class LibraryStatistics(Asked):
    """The statistics of the library."""

    clips = serializers.IntegerField(help_text="Number of clips in the library.")
    play_count = serializers.IntegerField(help_text="All plays.")
    people_count = serializers.IntegerField(help_text="All plays by people.")
    plays = Windows()
    people = PeopleWindows()
    trends = Trends()
    period = Period()
    series = Bucket(many=True)
    top = Top()
    as_of = serializers.DateTimeField(help_text=AS_OF)
    counting_rule = serializers.URLField(help_text=COUNTING_RULE)
