"""The dashboard Clips: the service's API, its streams, its audio store and its database."""

from grafana_foundation_sdk.builders import dashboard

from monitoring.grafana.board import board
from monitoring.grafana.panels import (
    Panel,
    bars,
    chart,
    colored,
    limits,
    number,
    thresholds,
    words,
)
from monitoring.grafana.queries import HALF, SLOW, Query, per_minute, per_second, quantiles

REQUESTS = "django_http_requests_total_by_view_transport_method_total"
RESPONSES = "django_http_responses_total_by_status_view_method_total"
LATENCY = "django_http_requests_latency_seconds_by_view_method_bucket"
FETCHES = "clips_origin_request_duration_seconds"
API = 'view=~"(clip-.+|stats)"'


def clips() -> dashboard.Dashboard:
    """The dashboard: first the panels that it has always had, by the same titles."""
    return board(
        "clips",
        "Clips",
        "The clips library: its API, its streams, its audio store and its database.",
        "30m",
        {
            "Overview": overview(),
            "Streams": streams(),
            "Audio store": store(),
            "Origins": origins(),
            "Database": database(),
        },
    )


def overview() -> list[Panel]:
    """What everybody looks at."""
    return [
        number(
            "Total Streams (Cumulative)",
            "Plays of all clips since the library began, as PostgreSQL counts them: restarts and "
            "deleted clips do not lower it.",
            "locale",
            Query("max(clips_plays_recorded_total{$chosen})", "plays"),
            width=5,
        ).decimals(0),
        number(
            "Total API requests",
            "Requests of the clips API in the time range shown.",
            "locale",
            Query(f"sum(increase({REQUESTS}{{$chosen, {API}}}[$__range]))", "requests"),
            width=5,
        ).decimals(0),
        chart(
            "Requests in progress",
            "Requests begun and not yet answered to the last byte, streams among them.",
            "short",
            Query("sum(clips_http_requests_in_progress{$chosen})", "requests"),
            Query("sum(clips_streams_in_progress{$chosen})", "of them streams"),
            width=14,
        ).height(8),
        colored(
            chart(
                "API request rates",
                "Requests of the clips API per second, by view and method, and how many of them "
                "were answered with a status of 500 or more.",
                "reqps",
                per_second(f"{REQUESTS}{{$chosen, {API}}}", "{{method}} {{view}}", "view, method"),
                per_second(f'{RESPONSES}{{$chosen, {API}, status=~"5.."}}', "answered 5xx"),
            ),
            {"answered 5xx": "red"},
        ),
        chart(
            "API Request Duration",
            "From the request to the response's headers, by view: half of the requests take no "
            "longer than the median, one in twenty longer than the 95th percentile.",
            "s",
            *(
                Query(
                    f"histogram_quantile({quantile}, sum by (le, view) "
                    f"(rate({LATENCY}{{$chosen, {API}}}[$__rate_interval])))",
                    f"{{{{view}}}} {name}",
                )
                for name, quantile in (SLOW, HALF)
            ),
        ),
        chart(
            "Total Streams Over Time",
            "Plays recorded per minute, and all streams begun per minute: players ask for several "
            "parts of one clip, and only the part from the first byte is a play.",
            "cpm",
            Query("60 * max(rate(clips_plays_recorded_total{$chosen}[$__rate_interval]))", "plays"),
            per_minute("clips_streams_started_total{$chosen}", "streams begun"),
            width=8,
        ),
        chart(
            "Streaming Response Duration",
            "From the request of a stream to the last byte handed to the network, of streams sent "
            "in full; where nginx sends them, to the hand-over.",
            "s",
            *quantiles(
                "clips_stream_duration_seconds_bucket", ', outcome=~"completed|handed_over"'
            ),
            width=8,
        ),
        bars(
            "Top Streamed Clips",
            "The ten most played clips since the library began, as PostgreSQL counts them.",
            "locale",
            Query(
                "topk(10, max by (clip_id, title) (clips_top_streamed_total{$chosen}))",
                "{{title}} (#{{clip_id}})",
            ),
        ).no_value("No plays yet"),
    ]


def streams() -> list[Panel]:
    """How streams begin, end, or do not come to be."""
    return [
        chart(
            "Time to first byte",
            "From the request of a stream to its first audio byte: finding the clip, opening or "
            "fetching its audio, recording the play.",
            "s",
            *quantiles("clips_stream_time_to_first_byte_seconds_bucket"),
        ),
        colored(
            chart(
                "Stream outcomes",
                "How streams ended, per second: sent in full, left by the listener, broken off by "
                "an error of ours or the origin's, or handed over to nginx, which alone knows.",
                "ops",
                per_second("clips_streams_finished_total{$chosen}", "{{outcome}}", "outcome"),
            ),
            {"completed": "green", "client_closed": "blue", "error": "red"},
        ),
        chart(
            "Streams refused",
            "Streams asked for and answered with an error instead of audio, per minute, by the "
            "code in the answer. What an origin is to blame for begins with origin_.",
            "cpm",
            per_minute("clips_streams_refused_total{$chosen}", "{{code}}", "code").above_zero(),
        ).no_value("None"),
        chart(
            "Bytes per second",
            "Audio handed to the network. A stream's bytes are counted when it ends; what nginx "
            "sends is not in it.",
            "Bps",
            per_second("clips_stream_bytes_total{$chosen}", "bytes"),
        ),
    ]


def store() -> list[Panel]:
    """The disk cache of origins' audio."""
    asked = "clips_audio_store_requests_total{$chosen%s}"
    found = per_second(asked % ', result=~"hit|joined|stale"', "").expression
    return [
        chart(
            "Audio store hit ratio",
            "The share of streams of origin audio that needed no fetch of their own: found in the "
            "store, joined to a fetch under way, or served stale.",
            "percentunit",
            Query(f"{found} / {per_second(asked % '', '').expression}", "hit ratio"),
            width=8,
        )
        .max(1)
        .no_value("No origin audio asked for"),
        colored(
            chart(
                "Audio store size",
                "What the store holds, and its limit, CLIPS_AUDIO_STORE_BYTES, beyond which the "
                "least recently used goes: a store at its limit is as it should be.",
                "bytes",
                Query("max(clips_audio_store_bytes{$chosen})", "held"),
                Query("max(clips_audio_store_limit_bytes{$chosen})", "limit"),
                width=8,
            ),
            {"limit": "red"},
        ),
        limits(
            chart(
                "Disk free",
                "The free share of the disk below the audio store, on the machine with the least. "
                "Below a tenth AudioStoreFull warns.",
                "percentunit",
                Query(
                    "min(clips_audio_store_disk_free_bytes{$chosen} "
                    "/ clips_audio_store_disk_bytes{$chosen})",
                    "free",
                ),
                width=8,
            ).max(1),
            "red",
            (0.1, "transparent"),
        ),
        chart(
            "Audio evicted",
            "Bytes per second that had to go, so that the store stays below its limit. As much as "
            "is fetched, for long: the store is too small.",
            "Bps",
            per_second("clips_audio_store_evicted_bytes_total{$chosen}", "evicted"),
        ),
        colored(
            chart(
                "Downloads refused by the disk",
                "Per minute: the disk below the audio store is full, or cannot be written.",
                "cpm",
                per_minute("clips_audio_store_write_failures_total{$chosen}", "refused"),
            ).axis_soft_max(1),
            {"refused": "red"},
        ),
    ]


def origins() -> list[Panel]:
    """The servers that clips' audio is fetched from."""
    return [
        colored(
            chart(
                "Origin failures",
                "Fetches from origins that failed, per minute and by cause, and the streams that "
                "had no audio for it. A failure is remembered for some seconds, so one fetch can "
                "refuse several streams.",
                "cpm",
                per_minute(
                    f'{FETCHES}_count{{$chosen, result=~"origin_.*"}}', "{{result}}", "result"
                ).above_zero(),
                per_minute(
                    'clips_audio_store_requests_total{$chosen, result="error"}',
                    "streams without audio",
                ),
            ),
            {"streams without audio": "red"},
        ),
        chart(
            "Origin fetch duration",
            "How long fetches from origins take to their end, failed ones among them.",
            "s",
            *quantiles(f"{FETCHES}_bucket"),
        ).no_value("No fetches"),
    ]


def database() -> list[Panel]:
    """PostgreSQL, as the service sees it."""
    return [
        number(
            "Database",
            "Whether PostgreSQL answered the last scrape of every instance.",
            "none",
            Query("min(clips_database_up{$chosen})", "database"),
            width=4,
            height=9,
        )
        .mappings([words(Down="red", Up="green")])
        .thresholds(thresholds("red", (1, "green")))
        .no_value("Unknown"),
        chart(
            "Database queries",
            "Queries and new connections per second. New connections beyond a few mean that the "
            "pool is too small or connections break.",
            "ops",
            per_second("django_db_execute_total{$chosen}", "queries"),
            per_second("django_db_new_connections_total{$chosen}", "new connections"),
            width=10,
        ),
        chart(
            "Database query duration",
            "Time of a query: half, 95 % and 99 % are faster. The smallest step measured is 10 ms.",
            "s",
            *quantiles("django_db_query_duration_seconds_bucket"),
            width=10,
        ),
    ]
