"""Examples of request bodies and responses."""

from typing import Any

from library.api.representation import FIELDS
from library.models.fields import CLIP_FIELDS, Writer

_EXAMPLES: dict[str, Any] = {
    field.name: field.example
    for field in CLIP_FIELDS
    if field.shown and field.writer is Writer.EDITORS
}
_CLIP: dict[str, Any] = _EXAMPLES | {
    "id": 7,
    "stream_url": "http://localhost:8000/api/v1/clips/7/stream",
    "page_url": "http://localhost:8000/clips/7",
    "play_count": 0,
    "created_at": "2026-11-01T12:00:00Z",
    "updated_at": "2026-11-01T12:00:00Z",
    "licence_url": "https://creativecommons.org/licenses/by/4.0/",
    "attribution": "“New Clip” by Ann Example, CC BY 4.0 "
    "(https://creativecommons.org/licenses/by/4.0/)",
    "health": {"status": "unchecked", "reason": None, "since": None},
    "audio": {
        "etag": '"5d41402abc4b2a76b9719d911017c592"',
        "container": "mp3",
        "codec": "mp3",
        "lossless": False,
        "duration": 30.5,
        "sample_rate": 44100,
        "channels": 2,
        "bit_rate": 128000,
        "loudness": -16.2,
        "loudness_range": 5.1,
        "true_peak": -1.4,
        "gain": {"-14": 0.4, "-18": -1.8},
        "leading_silence": 0.02,
        "trailing_silence": 0.6,
        "clippings": 0,
        "truncated": False,
        "damaged_packets": 0,
    },
    "preview_url": "http://localhost:8000/api/v1/clips/7/stream?part=preview",
    "renditions": [
        {
            "part": "preview",
            "format": "mp3",
            "quality": "high",
            "duration": 30.0,
            "size_bytes": 720_813,
            "content_type": "audio/mpeg",
            "url": "http://localhost:8000/api/v1/clips/7/stream"
            "?part=preview&format=mp3&quality=high",
            "etag": '"9e107d9d372bb6826bd81d3542a419d6"',
        }
    ],
    "state": "published",
}
CLIP = {name: _CLIP.get(name) for name in FIELDS}
ADDED_CLIP = CLIP | {"duplicates": [{"id": 3, "kind": "url", "score": 1.0}]}
_STREAM = CLIP["stream_url"]
UPLOADED_CLIP = (
    CLIP
    | {"audio_url": _STREAM, "content_type": "audio/mpeg", "size_bytes": 488_000}
    | dict.fromkeys(("audio", "preview_url"))
    | {"renditions": [], "duplicates": [], "warnings": []}
    | {"proposals": {"title": "New Clip (Radio Edit)", "genre": "House", "isrc": "USS1Z9900001"}}
)
NEW_CLIP = {key: CLIP[key] for key in ("title", "description", "genre", "duration", "audio_url")}
CREDITED_CLIP = NEW_CLIP | _EXAMPLES
SERIES_CSV = "start,plays,people\r\n2026-11-21T00:00:00Z,3,2\r\n2026-11-22T00:00:00Z,5,5\r\n"
CLIPS_CSV = (
    "id,title,start,plays,people,missing\r\n"
    "7,New Clip,2026-11-21T00:00:00Z,3,2,\r\n"
    "7,New Clip,2026-11-22T00:00:00Z,5,5,\r\n"
    "9,,,,,deleted\r\n"
)

_AS_OF = "2026-11-22T14:03:00Z"
_PLAYS = {"last_24_hours": 5, "last_7_days": 8, "last_30_days": 8}
_PEOPLE = {"last_24_hours": 5, "last_7_days": 7, "last_30_days": 7}
_SINCE = {
    "last_24_hours": "2026-11-21T14:15:00Z",
    "last_7_days": "2026-11-15T14:15:00Z",
    "last_30_days": "2026-10-23T14:15:00Z",
}
_TRENDS = {
    name: {
        "since": _SINCE[name],
        "plays": plays,
        "plays_before": 4,
        "people": _PEOPLE[name],
        "people_before": 4,
        "change": plays / 4 - 1,
    }
    for name, plays in _PLAYS.items()
}
_TIMES = {
    "since": "2026-11-21T00:00:00Z",
    "until": "2026-11-23T00:00:00Z",
    "interval": "day",
    "timezone": "UTC",
}
_COMPARED = {"plays": 8, "plays_before": 4, "people": 7, "people_before": 4, "change": 1.0}
_SERIES = [
    {"start": "2026-11-21T00:00:00Z", "plays": 3, "people": 2},
    {"start": "2026-11-22T00:00:00Z", "plays": 5, "people": 5},
]
_PERIOD = {"period": _TIMES | _COMPARED, "series": _SERIES}
_ASKED = {"audience": "all", "people_clients": ["browser", "player", "app"]}
_DAYS = {"audience_days": {"since": "2026-11-21", "until": "2026-11-22"}}
_COMMON = {"as_of": _AS_OF, "counting_rule": "http://localhost:8000/docs/plays"}
_TOTALS = {
    "id": 7,
    "title": "New Clip",
    "play_count": 8,
    "people_count": 7,
    "first_played_at": "2026-11-21T09:14:02Z",
    "last_played_at": "2026-11-22T13:58:41Z",
    "rank": 1,
    "plays": _PLAYS,
    "people": _PEOPLE,
    "trends": {name: trend | {"rank": 1, "rank_before": 2} for name, trend in _TRENDS.items()},
}
_LISTENERS = {"unique_listeners": 6, "unique_people": 5}
_COMPLETION = {
    "completion": {"ended": 8, "completed": 6, "bytes_sent": 3206117, "share": 0.75},
}
CLIP_STATISTICS = {
    **_TOTALS,
    **_PERIOD,
    **_ASKED,
    **_DAYS,
    **_LISTENERS,
    "clients": [
        {"client": "browser", "plays": 7, "share": 0.875},
        {"client": "bot", "plays": 1, "share": 0.125},
    ],
    "referrers": [
        {"referrer": "example.com", "plays": 5, "share": 0.625},
        {"referrer": "", "plays": 3, "share": 0.375},
    ],
    **_COMPLETION,
    "heard": {
        "listens": 5,
        "seconds": 104.2,
        "median_share": 0.72,
        "retention": [*(1.0,) * 6, *(0.8,) * 8, *(0.4,) * 6],
    },
    "ranked_as_of": _AS_OF,
    **_COMMON,
}
CLIPS_STATISTICS = {
    "clips": [_TOTALS | _LISTENERS | _COMPLETION | {"period": _COMPARED, "series": _SERIES}],
    "missing": [{"id": 9, "reason": "deleted"}],
    "period": _TIMES,
    **_ASKED,
    **_DAYS,
    "ranked_as_of": _AS_OF,
    **_COMMON,
}
REPORT = {
    "session": "0b0c6d2e-2f0b-4d5c-9a53-6f9f1ac2a3d7",
    "position": 10.02,
    "state": "playing",
}
LIBRARY_STATISTICS = {
    "clips": 7,
    "play_count": 8,
    "people_count": 7,
    "plays": _PLAYS,
    "people": _PEOPLE,
    "trends": _TRENDS,
    **_PERIOD,
    **_ASKED,
    "top": {
        "window": "last_30_days",
        "as_of": _AS_OF,
        "clips": [
            {
                "rank": 1,
                "id": 7,
                "title": "New Clip",
                "plays": 8,
                "people": 7,
                "play_count": 8,
                "people_count": 7,
            }
        ],
    },
    **_COMMON,
}
WAVEFORM = {
    "points": 3,
    "duration": 30.5,
    "sample_rate": 44100,
    "channels": 2,
    "audio_etag": '"5d41402abc4b2a76b9719d911017c592"',
    "data": [-10240, 11008, -20480, 19712, -128, 256],
}
AUDIOWAVEFORM = {
    "version": 2,
    "channels": 1,
    "sample_rate": 44100,
    "samples_per_pixel": 448350,
    "bits": 8,
    "length": 3,
    "data": [-40, 43, -80, 77, -1, 1],
}
