"""The shape of statistics, for the API's description."""

from typing import Any

from rest_framework import serializers

from library.models import Client
from library.statistics.library import TOP_WINDOWS
from library.statistics.period import Interval

CLIENTS = list(Client.values)
INTERVALS = [str(interval) for interval in Interval]


class Answer(serializers.Serializer[Any]):
    """Something that is told and never taken."""


class Windows(Answer):
    """Plays in the windows that end at `as_of`, each of whole quarters of an hour."""

    last_24_hours = serializers.IntegerField()
    last_7_days = serializers.IntegerField()
    last_30_days = serializers.IntegerField()


class Period(Answer):
    """The period that was asked for, widened to whole buckets."""

    since = serializers.DateTimeField(help_text="On the zone's clock.")
    until = serializers.DateTimeField(help_text="Exclusive.")
    interval = serializers.ChoiceField(INTERVALS)
    timezone = serializers.CharField()
    plays = serializers.IntegerField(help_text="The sum of the series.")
    plays_before = serializers.IntegerField(help_text="In as many buckets before.")
    change = serializers.FloatField(
        allow_null=True, help_text="0.5 is half as many again; null after none."
    )


class Bucket(Answer):
    """Plays from `start` to the next bucket's start."""

    start = serializers.DateTimeField(help_text="On the zone's clock, with its offset.")
    plays = serializers.IntegerField()


class Trend(Answer):
    """A window that ends at `as_of` against the one of equal length before."""

    since = serializers.DateTimeField(help_text="Where the window begins.")
    plays = serializers.IntegerField()
    plays_before = serializers.IntegerField()
    change = serializers.FloatField(allow_null=True)


class RankedTrend(Trend):
    """A clip's trend, with its rank among all clips: 1 is the most played, equals share one."""

    rank = serializers.IntegerField(allow_null=True, help_text="null without plays.")
    rank_before = serializers.IntegerField(allow_null=True)


class Trends(Answer):
    """The library's windows."""

    last_24_hours = Trend()
    last_7_days = Trend()
    last_30_days = Trend()


class RankedTrends(Answer):
    """A clip's windows."""

    last_24_hours = RankedTrend()
    last_7_days = RankedTrend()
    last_30_days = RankedTrend()


class AudienceDays(Answer):
    """The UTC days that the period touches, both inclusive."""

    since = serializers.DateField()
    until = serializers.DateField()


class ClientShare(Answer):
    """Plays by a kind of program."""

    client = serializers.ChoiceField(CLIENTS)
    plays = serializers.IntegerField()
    share = serializers.FloatField(help_text="Of all plays of these days, 0 to 1.")


class ReferrerShare(Answer):
    """Plays from pages of a host."""

    referrer = serializers.CharField(help_text="Host; empty where none was told.")
    plays = serializers.IntegerField()
    share = serializers.FloatField()


class Completion(Answer):
    """How the streams of the period's plays ended."""

    ended = serializers.IntegerField(help_text="Plays whose end is known.")
    completed = serializers.IntegerField(help_text="Of these, sent to the audio's last byte.")
    bytes_sent = serializers.IntegerField(help_text="Bytes handed to the network.")
    share = serializers.FloatField(allow_null=True)


class TopClip(Answer):
    """A clip among the most played."""

    rank = serializers.IntegerField()
    id = serializers.IntegerField()
    title = serializers.CharField()
    plays = serializers.IntegerField(help_text="In the window.")
    play_count = serializers.IntegerField(help_text="All plays.")


class Top(Answer):
    """The most played clips of a window."""

    window = serializers.ChoiceField(TOP_WINDOWS)
    as_of = serializers.DateTimeField(help_text="When this order was true.")
    clips = TopClip(many=True)


class ClipStatistics(Answer):
    """The plays of a clip."""

    id = serializers.IntegerField(help_text="The clip.")
    title = serializers.CharField()
    play_count = serializers.IntegerField(help_text="All plays.")
    first_played_at = serializers.DateTimeField(allow_null=True)
    last_played_at = serializers.DateTimeField(allow_null=True)
    plays = Windows()
    rank = serializers.IntegerField(allow_null=True, help_text="By all plays.")
    trends = RankedTrends()
    period = Period()
    series = Bucket(many=True)
    audience_days = AudienceDays()
    unique_listeners = serializers.IntegerField(
        help_text="On the days of `audience_days`; a listener of two days counts twice."
    )
    clients = ClientShare(many=True)
    referrers = ReferrerShare(many=True, help_text="The 20 most frequent.")
    completion = Completion()
    as_of = serializers.DateTimeField(help_text="When this was true.")
    ranked_as_of = serializers.DateTimeField(help_text="When the ranks were true.")
    counting_rule = serializers.URLField(help_text="What counts as a play.")


class LibraryStatistics(Answer):
    """The plays of all clips."""

    clips = serializers.IntegerField(help_text="Clips in the library.")
    play_count = serializers.IntegerField(help_text="All plays.")
    plays = Windows()
    trends = Trends()
    period = Period()
    series = Bucket(many=True)
    top = Top()
    as_of = serializers.DateTimeField(help_text="When this was true.")
    counting_rule = serializers.URLField(help_text="What counts as a play.")
