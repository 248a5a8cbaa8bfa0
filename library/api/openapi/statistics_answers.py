"""Schemas of the statistics."""

from typing import Any

from rest_framework import serializers

from library.models import TWENTIETHS, Client
from library.statistics.buckets import Interval
from library.statistics.library import TOP_WINDOWS

CLIENTS = list(Client.values)
INTERVALS = [str(interval) for interval in Interval]
AS_OF = "When the statistics were read."
_RANKED = "When the clips were ranked."
_NOT_YET = (
    "while the service ranks the clips for the first time, or after an hour without a request: in "
    "a large library, for some seconds."
)
RANKED_AS_OF = f"{_RANKED} Null, and then all ranks are null, {_NOT_YET}"
_WITHOUT_RANK = "Null without plays, and while `ranked_as_of` is null."
COUNTING_RULE = "URL of the rule for what counts as a play."


class Answer(serializers.Serializer[Any]):
    """A response that is only described: the views build it without serializers."""


class Windows(Answer):
    """Plays in the windows that end at `as_of`, each made of whole quarters of an hour."""

    last_24_hours = serializers.IntegerField()
    last_7_days = serializers.IntegerField()
    last_30_days = serializers.IntegerField()


class Period(Answer):
    """The requested period, extended to whole buckets."""

    since = serializers.DateTimeField(help_text="In the requested time zone.")
    until = serializers.DateTimeField(help_text="Exclusive.")
    interval = serializers.ChoiceField(INTERVALS)
    timezone = serializers.CharField()
    plays = serializers.IntegerField(help_text="The sum of the series.")
    plays_before = serializers.IntegerField(
        help_text="Plays in the same number of buckets before the period."
    )
    change = serializers.FloatField(
        allow_null=True,
        help_text="Relative to `plays_before`: 0.5 is 50 % more. Null if that is 0.",
    )


class Bucket(Answer):
    """Plays from `start` until the start of the next bucket."""

    start = serializers.DateTimeField(help_text="In the requested time zone, with its offset.")
    plays = serializers.IntegerField()


class Trend(Answer):
    """Plays in a window that ends at `as_of`, compared with the window before it."""

    since = serializers.DateTimeField(help_text="Start of the window.")
    plays = serializers.IntegerField()
    plays_before = serializers.IntegerField()
    change = serializers.FloatField(allow_null=True)


class RankedTrend(Trend):
    """A clip's trend and its rank: 1 for the most played clip; clips with equal plays share one."""

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
    play_count = serializers.IntegerField(help_text="All plays.")


class Top(Answer):
    """The most played clips of a window."""

    window = serializers.ChoiceField(TOP_WINDOWS)
    as_of = serializers.DateTimeField(
        allow_null=True,
        help_text=f"{_RANKED} Null, and then there are no `clips`, {_NOT_YET}",
    )
    clips = TopClip(many=True)


class ClipStatistics(Answer):
    """The statistics of a clip."""

    id = serializers.IntegerField(help_text="The clip's id.")
    title = serializers.CharField()
    play_count = serializers.IntegerField(help_text="All plays.")
    first_played_at = serializers.DateTimeField(allow_null=True)
    last_played_at = serializers.DateTimeField(allow_null=True)
    plays = Windows()
    rank = serializers.IntegerField(
        allow_null=True,
        help_text=f"The rank by all plays. {_WITHOUT_RANK}",
    )
    trends = RankedTrends()
    period = Period()
    series = Bucket(many=True)
    audience_days = AudienceDays()
    unique_listeners = serializers.IntegerField(
        help_text="Sum over the `audience_days`. A listener on two days counts twice."
    )
    clients = ClientShare(many=True)
    referrers = ReferrerShare(many=True, help_text="The 20 most frequent referrers.")
    completion = Completion()
    heard = Heard()
    as_of = serializers.DateTimeField(help_text=AS_OF)
    ranked_as_of = serializers.DateTimeField(allow_null=True, help_text=RANKED_AS_OF)
    counting_rule = serializers.URLField(help_text=COUNTING_RULE)


class LibraryStatistics(Answer):
    """The statistics of the library."""

    clips = serializers.IntegerField(help_text="Number of clips in the library.")
    play_count = serializers.IntegerField(help_text="All plays.")
    plays = Windows()
    trends = Trends()
    period = Period()
    series = Bucket(many=True)
    top = Top()
    as_of = serializers.DateTimeField(help_text=AS_OF)
    counting_rule = serializers.URLField(help_text=COUNTING_RULE)
