"""Query parameters: their types, those of clips and statistics, and how they are read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from django.core.exceptions import ValidationError as ModelValidationError
from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import empty, get_error_detail

from library.api.errors import NOT_NAMES
from library.api.fields import (
    ChoiceParameter,
    Field,
    FlagParameter,
    HostParameter,
    OrderParameter,
    TagsField,
    WholeParameter,
)
from library.api.filter_fields import (
    MAX_REPEATED,
    MOST_IDS,
    IdsParameter,
    LicencesParameter,
    NamesParameter,
)
from library.api.filters import FILTERS
from library.api.names import WHOLE
from library.api.representation import FIELDS
from library.api.sorting import ORDERINGS
from library.models import HOST_LENGTH, Format, Part, Quality
from library.models.play import PEOPLE
from library.search.language import OnlyExcludedError, parse
from library.sound.waveform import DEFAULT_POINTS, FEWEST_POINTS, MOST_POINTS
from library.statistics.audience import Audience
from library.statistics.buckets import Interval
from library.statistics.library import TOP_WINDOWS
from library.statistics.orders import TOP
from library.statistics.period import MAX_BUCKETS, Period, PeriodError, parse_period

Parameters: TypeAlias = Mapping[str, Field]

DEFAULT_LIMIT, MAX_LIMIT = 100, 1000
LONGEST_WAIT = 30  # seconds. Proxies often close a connection after 60 s
LIST_FORMATS = ("json", "m3u", "rss", "jsonfeed", "csv")
# The colours of images of waveforms. All have a contrast of 3:1 or more on their backgrounds.
WAVE_COLORS = {
    "blue": "#2f7de1",
    "gray": "#7d8794",
    "green": "#1f9254",
    "orange": "#d9650b",
    "pink": "#dd4b96",
    "purple": "#9361e0",
    "red": "#e0483e",
    "teal": "#138f83",
}
WAVE_BACKGROUNDS = {"light": "#ffffff", "dark": "#101418"}


class LimitParameter(WholeParameter):
    """A number of items."""

    def __init__(self, max_value: int, default: int, help_text: str) -> None:
        super().__init__(min_value=1, max_value=max_value, default=default, help_text=help_text)


class SearchParameter(serializers.CharField):
    """A query in the language of `library.search`, as the client wrote it."""

    def to_internal_value(self, data: Any) -> str:
        text: str = super().to_internal_value(data)
        try:
            parse(text)
        except OnlyExcludedError as error:
            raise serializers.ValidationError(error.sentence, error.code) from None
        return text


class FieldsParameter(serializers.CharField):
    """Names of a clip's fields, returned in the order of FIELDS."""

    def to_internal_value(self, data: Any) -> Any:
        names = {name.strip() for name in super().to_internal_value(data).split(",")}
        if not names <= set(FIELDS):
            raise serializers.ValidationError(
                f"Must be names from this list, separated by commas: {', '.join(FIELDS)}."
            )
        return tuple(field for field in FIELDS if field in names)


SHOW: Parameters = {
    "fields": FieldsParameter(
        required=False, help_text="Comma-separated names of the fields to return for each clip."
    ),
    "format": ChoiceParameter(
        ["json"], help_text="Format of the response; `json` is the only one."
    ),
}
# They choose clips, in the list and wherever else clips are chosen.
CLIP_FILTERS: Parameters = {
    "genre": NamesParameter(
        "genre",
        64,
        help_text="Return clips of this genre, ignoring case. Repeat the parameter to return clips "
        "of any of several genres.",
    ),
    "tag": TagsField(
        required=False,
        help_text="Return clips with this tag. Repeat the parameter to return clips that have all "
        "of several tags.",
    ),
    "search": SearchParameter(
        required=False,
        max_length=200,
        allow_blank=True,
        help_text="Return clips with all of these words in their title, tags, creator or "
        "description. A word also matches longer words that start with it, and its English "
        'singular or plural. `"night drive"` matches these words in this order, `-word` and '
        '`-"two words"` exclude clips. Case, accents, hyphens, apostrophes and slashes make no '
        "difference: `acdc` finds AC/DC. Without `ordering`, the best matches come first. If no "
        "clip matches, `X-Did-You-Mean` may have a better spelling.",
    ),
    **{name: field for name, (_, field) in FILTERS.items()},
    "creator": NamesParameter(
        "creator",
        200,
        help_text="Return clips of this creator, ignoring case. Repeat the parameter to return "
        "clips of any of several creators.",
    ),
    "licence": LicencesParameter(
        required=False,
        max_length=MAX_REPEATED,
        help_text="Return clips under this licence: an SPDX identifier, such as `CC-BY-4.0`, or "
        "one without its version for all versions: `CC-BY` returns neither `CC-BY-NC` nor other "
        "licences. Repeat the parameter to return clips under any of several licences.",
    ),
    "commercial_use": FlagParameter(
        required=False,
        help_text="Return clips whose licence permits commercial use (`true`) or does not "
        "(`false`). Clips without a licence match neither.",
    ),
    "derivatives": FlagParameter(
        required=False,
        help_text="Return clips whose licence permits sharing changed versions (`true`) or does "
        "not (`false`). Like `commercial_use`, it needs a licence.",
    ),
    "ids": IdsParameter(
        required=False,
        help_text=f"Return those of these clips that are public: at most {MOST_IDS} ids, separated "
        "by commas. The order is that of `ordering`.",
    ),
}
LIST: Parameters = {
    **CLIP_FILTERS,
    "ordering": OrderParameter(
        [sign + name for name in ORDERINGS for sign in ("", "-")],
        help_text="Sort by this field; `-` reverses the order, and `+` changes nothing. Clips with "
        "equal values are sorted by `id` in the same direction. The default is `id`. `play_count` "
        "and `recent_plays` count all plays, whatever the `audience` of statistics.",
    ),
    "limit": LimitParameter(MAX_LIMIT, DEFAULT_LIMIT, "Maximum number of clips on a page."),
    "cursor": serializers.CharField(
        required=False, help_text="Position of a page. Taken from a `Link` header."
    ),
    **SHOW,
    "format": ChoiceParameter(
        LIST_FORMATS,
        help_text="Format of the response, which takes precedence over `Accept`. `m3u` is a "
        "playlist, `rss` and `jsonfeed` are feeds, which have the newest clips first unless "
        "`ordering` is given, and `csv` is a table. `fields` is for `json` and `csv` only.",
    ),
}
INDEX: Parameters = {"format": SHOW["format"]}
FEED: Parameters = {name: LIST[name] for name in LIST if name not in SHOW}
CHANGES: Parameters = {
    "cursor": serializers.CharField(
        required=False,
        help_text="Place in the feed, taken from `cursor` of the last response. Without it the feed"
        " begins with the oldest changes, which include one for each public clip. `latest` is the "
        "end of the feed.",
    ),
    "limit": LimitParameter(MAX_LIMIT, DEFAULT_LIMIT, "Maximum number of changes."),
    "wait": WholeParameter(
        min_value=0,
        max_value=LONGEST_WAIT,
        default=0,
        help_text="If there is no change after the cursor, wait for one for up to this many "
        "seconds.",
    ),
    **SHOW,
}
SUGGEST: Parameters = {
    "q": serializers.CharField(
        required=False,
        max_length=200,
        help_text="The beginning of a query, as far as it is typed. Without letters, there are no "
        "suggestions.",
    ),
}
# Others are ignored, because players and trackers add some.
STREAM: Parameters = {
    "part": ChoiceParameter(
        Part,
        help_text="`preview` is an excerpt that an editor has chosen, or the loudest 30 seconds; "
        "`whole` is the default. Without `format` and `quality`, `whole` is the original. If the "
        "operator publishes only previews, `preview` is the default.",
    ),
    "format": ChoiceParameter(
        Format,
        help_text="Format of a rendition: `mp3`, `opus` in Ogg, or `aac` in MP4. The default is "
        "`mp3`.",
    ),
    "quality": ChoiceParameter(
        Quality, help_text="Bit rate of a rendition. The default is `high`."
    ),
    "embedded_in": HostParameter(
        required=False,
        max_length=HOST_LENGTH,
        help_text="The host of the page that embeds the player. It is the play's referrer if the "
        "request has no `Referer`.",
    ),
}
_ETAG = serializers.CharField(
    required=False,
    max_length=200,
    help_text="ETag of the audio, as in `audio.etag` of the clip, with or without its quotes. A "
    "response to it never changes and can be cached for a year. If the audio has another ETag by "
    "now, the response is a redirect to the current waveform.",
)
WAVEFORM: Parameters = {
    "points": WholeParameter(
        min_value=FEWEST_POINTS,
        max_value=MOST_POINTS,
        default=DEFAULT_POINTS,
        help_text="Number of parts of equal length, each with a minimum and a maximum. "
        "`audiowaveform` has at most this many, because its parts have a whole number of samples.",
    ),
    "format": ChoiceParameter(
        ["json", "audiowaveform"],
        default="json",
        help_text="`audiowaveform` is the format of BBC audiowaveform, JSON version 2, for peaks.js"
        " and wavesurfer.js.",
    ),
    "etag": _ETAG,
}
WAVEFORM_IMAGE: Parameters = {
    "width": WholeParameter(
        min_value=FEWEST_POINTS,
        max_value=MOST_POINTS,
        default=DEFAULT_POINTS,
        help_text="Width in pixels.",
    ),
    "height": WholeParameter(
        min_value=16, max_value=1000, default=120, help_text="Height in pixels."
    ),
    "color": ChoiceParameter(WAVE_COLORS, default="blue", help_text="Colour of the waveform."),
    "theme": ChoiceParameter(
        WAVE_BACKGROUNDS,
        help_text="A background for light or dark pages. It is transparent by default.",
    ),
    "etag": _ETAG,
}
_PEOPLE = " or ".join((", ".join(PEOPLE[:-1]), PEOPLE[-1]))
CLIP_STATISTICS: Parameters = {
    "interval": ChoiceParameter(
        Interval, default=Interval.DAY.value, help_text="Length of the buckets of the series."
    ),
    "since": serializers.CharField(
        required=False,
        help_text="Start of the period: a date, an RFC 3339 date-time, or a number of hours, days "
        "or weeks before now, such as `-24h`, `-7d` or `-4w`. It is rounded down to the start of "
        f"its bucket. 2000-01-01 or later, and at most {MAX_BUCKETS} buckets before `until`. By "
        "default 24 hours, 30 days, 12 weeks or 12 months before `until`.",
    ),
    "until": serializers.CharField(
        required=False,
        help_text="End of the period, exclusive: a date, an RFC 3339 date-time, or a time before "
        "now, such as `-1d`. It is rounded up to the end of its bucket; the bucket in which a time "
        "before now falls is part of the period. By default, and at the latest, the end of the "
        "current bucket.",
    ),
    "timezone": serializers.CharField(
        default="UTC",
        help_text="IANA time zone in which hours, days, weeks and months start, such as "
        "`Europe/Berlin`. All times of the response have its offset.",
    ),
    "format": ChoiceParameter(
        ["json", "csv"],
        default="json",
        help_text="Format of the response. `csv` returns only the series, as `Accept: text/csv` "
        "does.",
    ),
    "audience": ChoiceParameter(
        Audience,
        default=Audience.ALL.value,
        help_text="Whose plays decide ranks, changes and top clips: those of all clients, or of "
        f"`people`, who listen with {_PEOPLE}. Plays of both are in each response.",
    ),
}
LIBRARY_STATISTICS: Parameters = {
    "window": ChoiceParameter(
        TOP_WINDOWS, default="last_30_days", help_text="Time window of the top clips."
    ),
    "limit": LimitParameter(TOP, 10, "Maximum number of top clips."),
    **CLIP_STATISTICS,
}
MOST_BUCKETS = 100_000  # of all series in a response
CLIPS_STATISTICS: Parameters = {
    **CLIP_FILTERS,
    **{name: LIST[name] for name in ("ordering", "limit", "cursor")},
    **CLIP_STATISTICS,
    "interval": ChoiceParameter(
        Interval,
        help_text="Length of the buckets that the period consists of, `day` by default. With this "
        "parameter, each clip has a series of them, and CSV has a line for each bucket of each "
        f"clip. `limit` times the number of buckets is at most {MOST_BUCKETS:,}.",
    ),
    "format": ChoiceParameter(
        ["json", "csv"], default="json", help_text="Format of the response, instead of `Accept`."
    ),
}


def read(query: QueryDict, parameters: Parameters) -> dict[str, Any]:
    """Return the parameters of a request, with defaults.

    A blank one, which is empty or consists of white space, counts as not given. Raise
    ValidationError with an entry for each parameter that is unknown, invalid or repeated.
    """
    found: dict[str, Any] = {
        name: field.default for name, field in parameters.items() if field.default is not empty
    }
    errors: dict[str, Any] = {}
    for name, values in query.lists():
        given = [value for value in values if value.strip()]
        if name not in parameters:
            sentence = f"Unknown parameter. The parameters are: {', '.join(parameters)}."
            # A name that has a meaning in an answer cannot be a key of it.
            key = WHOLE if name in NOT_NAMES else name
            errors[key] = [ErrorDetail(sentence, "unknown")]
        elif given:
            try:
                found[name] = _value(parameters[name], given)
            except serializers.ValidationError as error:
                errors[name] = error.detail
            except ModelValidationError as error:
                errors[name] = get_error_detail(error)
    if errors:
        raise serializers.ValidationError(errors)
    return found


def read_stream(query: QueryDict) -> dict[str, Any]:
    """Return those of the STREAM parameters that a request has. Raise ValidationError as `read`."""
    known = QueryDict(mutable=True)
    for name in STREAM:
        if name in query:
            known.setlist(name, query.getlist(name))
    return read(known, STREAM)


def _value(field: Field, given: list[str]) -> Any:
    if isinstance(field, serializers.ListField):
        return field.run_validation(given)
    if len(given) > 1:
        raise serializers.ValidationError("Use this parameter only once.")
    return field.run_validation(given[0])


def read_period(query: Mapping[str, Any], now: datetime) -> Period:
    """Return the period that the parameters of a statistics request describe."""
    try:
        return parse_period(
            query.get("interval"), query.get("since"), query.get("until"), query["timezone"], now
        )
    except PeriodError as error:
        raise serializers.ValidationError({error.field: [error.message]}) from None


def check_series(period: Period, limit: int) -> None:
    """Raise ValidationError if so many clips would have too many buckets."""
    most = MOST_BUCKETS // (len(period.edges) - 1)
    if limit > most:
        advice = "Use a lower limit, a shorter period or a longer interval."
        raise serializers.ValidationError(
            {"limit": [f"At most {most} clips with series of this length on a page. {advice}"]}
        )
