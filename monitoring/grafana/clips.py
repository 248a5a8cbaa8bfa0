"""The dashboard Clips: API, streams, audio store, origins, database, tasks and webhooks."""

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
    value_labels,
)
from monitoring.grafana.queries import HALF, SLOW, Query, per_minute, per_second, quantiles

REQUESTS = "django_http_requests_total_by_view_transport_method_total"
RESPONSES = "django_http_responses_total_by_status_view_method_total"
LATENCY = "django_http_requests_latency_seconds_by_view_method_bucket"
FETCHES = "clips_origin_request_duration_seconds"
# Not the pages of clips, which begin with `clip-` as well.
_OF_CLIPS = "clips?-(audio|bulk|detail|list|listens|stats|stream|waveform.*)"
API = f'view=~"(api-index|changes|{_OF_CLIPS}|facets|(json-)?feed|stats|suggest|webhook-.+)"'


def clips() -> dashboard.Dashboard:
    """Return the dashboard; its first row keeps the panels and titles of the original one."""
    return board(
        "clips",
        "Clips",
        "The clips library: API, streams, audio store, origins, database, tasks and webhooks.",
        "30m",
        {
            "Overview": _overview(),
            "Streams": _streams(),
            "Audio store": _store(),
            "Origins": _origins(),
            "Database": _database(),
            "Tasks": _tasks(),
            "Webhooks": _webhooks(),
        },
    )


def _overview() -> list[Panel]:
    return [
        number(
            "Total Streams (Cumulative)",
            "Plays of all clips since the library began, counted in PostgreSQL. Restarts and "
            "deleted clips do not lower it.",
            "locale",
            Query("max(clips_plays_recorded_total{$chosen})", "plays"),
            width=5,
        ).decimals(0),
        number(
            "Total API requests",
            "Requests to the clips API in the selected time range.",
            "locale",
            Query(f"sum(increase({REQUESTS}{{$chosen, {API}}}[$__range]))", "requests"),
            width=5,
        ).decimals(0),
        chart(
            "Requests in progress",
            "Requests that have begun and whose last byte has not been sent, including streams.",
            "short",
            Query("sum(clips_http_requests_in_progress{$chosen})", "requests"),
            Query("sum(clips_streams_in_progress{$chosen})", "of which streams"),
            width=14,
        ).height(8),
        colored(
            chart(
                "API request rates",
                "Requests to the clips API per second, by view and method, and the responses with "
                "a status of 500 or higher.",
                "reqps",
                per_second(f"{REQUESTS}{{$chosen, {API}}}", "{{method}} {{view}}", "view, method"),
                per_second(f'{RESPONSES}{{$chosen, {API}, status=~"5.."}}', "5xx responses"),
            ),
            {"5xx responses": "red"},
        ),
        chart(
            "API Request Duration",
            "Time from the request to the response's headers, by view. One request in two takes "
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
            "Plays recorded per minute, and all streams begun per minute. Players request several "
            "parts of a clip, but only one of them is a play.",
            "cpm",
            Query("60 * max(rate(clips_plays_recorded_total{$chosen}[$__rate_interval]))", "plays"),
            per_minute("clips_streams_started_total{$chosen}", "streams begun"),
            width=8,
        ),
        chart(
            "Streaming Response Duration",
            "Time from the request to the last byte handed to the network, for streams sent in "
            "full. For streams that nginx sends, the time to the hand-over.",
            "s",
            *quantiles(
                "clips_stream_duration_seconds_bucket", ', outcome=~"completed|handed_over"'
            ),
            width=8,
        ),
        bars(
            "Top Streamed Clips",
            "The ten most played clips since the library began, counted in PostgreSQL.",
            "locale",
            Query(
                "topk(10, max by (clip_id, title) (clips_top_streamed_total{$chosen}))",
                "{{title}} (#{{clip_id}})",
            ),
        ).no_value("No plays yet"),
    ]


def _streams() -> list[Panel]:
    return [
        chart(
            "Time to first byte",
            "Time from the request to the first audio byte. It includes finding the clip, opening "
            "or fetching its audio, and recording the play.",
            "s",
            *quantiles("clips_stream_time_to_first_byte_seconds_bucket"),
        ),
        colored(
            chart(
                "Stream outcomes",
                "Ended streams per second, by outcome: sent in full, closed by the client, broken "
                "off by an error of the service or the origin, or handed over to nginx, in which "
                "case the service does not know how they end.",
                "ops",
                per_second("clips_streams_finished_total{$chosen}", "{{outcome}}", "outcome"),
            ),
            {"completed": "green", "client_closed": "blue", "error": "red"},
        ),
        chart(
            "Streams refused",
            "Streams per minute that were answered with an error instead of audio, by the code in "
            "the response. Codes that begin with origin_ are failures of an origin.",
            "cpm",
            per_minute("clips_streams_refused_total{$chosen}", "{{code}}", "code").above_zero(),
        ).no_value("None"),
        chart(
            "Bytes per second",
            "Audio handed to the network. A stream's bytes are counted when it ends. Streams sent "
            "by nginx are not included.",
            "Bps",
            per_second("clips_stream_bytes_total{$chosen}", "bytes"),
        ),
    ]


def _store() -> list[Panel]:
    """Return the panels about the cache of origins' audio."""
    requests = "clips_audio_store_requests_total{$chosen%s}"
    hits = per_second(requests % ', result=~"hit|joined|stale"', "").expression
    return [
        chart(
            "Audio store hit ratio",
            "The share of requests for origin audio that needed no new fetch: found in the store, "
            "joined to a fetch in progress, or served stale.",
            "percentunit",
            Query(f"{hits} / {per_second(requests % '', '').expression}", "hit ratio"),
            width=8,
        )
        .max(1)
        .no_value("No requests for origin audio"),
        colored(
            chart(
                "Audio store size",
                "Size of the store, and its limit, CLIPS_AUDIO_STORE_BYTES. At the limit the least "
                "recently used audio is evicted, so a store at its limit is normal.",
                "bytes",
                Query("max(clips_audio_store_bytes{$chosen})", "size"),
                Query("max(clips_audio_store_limit_bytes{$chosen})", "limit"),
                width=8,
            ),
            {"limit": "red"},
        ),
        limits(
            chart(
                "Disk free",
                "Free share of the disk of the audio store, on the machine with the least. Below a "
                "tenth the alert AudioStoreFull warns.",
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
            "Bytes per second removed to keep the store below its limit. If it is as much as is "
            "fetched for a long time, the store is too small.",
            "Bps",
            per_second("clips_audio_store_evicted_bytes_total{$chosen}", "evicted"),
        ),
        colored(
            chart(
                "Failed writes to the store",
                "Downloads per minute that could not be written because the disk is full or "
                "read-only.",
                "cpm",
                per_minute("clips_audio_store_write_failures_total{$chosen}", "failed"),
            ).axis_soft_max(1),
            {"failed": "red"},
        ),
    ]


def _origins() -> list[Panel]:
    return [
        colored(
            chart(
                "Origin failures",
                "Failed fetches from origins per minute, by cause, and requests that received no "
                "audio. A failure is remembered for some seconds, so one failed fetch can affect "
                "several requests.",
                "cpm",
                per_minute(
                    f'{FETCHES}_count{{$chosen, result=~"origin_.*"}}', "{{result}}", "result"
                ).above_zero(),
                per_minute(
                    'clips_audio_store_requests_total{$chosen, result="error"}',
                    "requests without audio",
                ),
            ),
            {"requests without audio": "red"},
        ),
        chart(
            "Origin fetch duration",
            "Duration of whole fetches from origins, including failed ones.",
            "s",
            *quantiles(f"{FETCHES}_bucket"),
        ).no_value("No fetches"),
    ]


def _database() -> list[Panel]:
    return [
        number(
            "Database",
            "Down if PostgreSQL did not answer the last scrape of an instance.",
            "none",
            Query("min(clips_database_up{$chosen})", "database"),
            width=4,
            height=9,
        )
        .mappings([value_labels(Down="red", Up="green")])
        .thresholds(thresholds("red", (1, "green")))
        .no_value("Unknown"),
        chart(
            "Database queries",
            "Queries of Django and new connections per second. Connections are persistent, so "
            "many new ones mean that they break.",
            "ops",
            per_second("django_db_execute_total{$chosen}", "queries"),
            per_second("django_db_new_connections_total{$chosen}", "new connections"),
            width=10,
        ),
        chart(
            "Database query duration",
            "Duration of queries. The finest step of the histogram is 10 ms.",
            "s",
            *quantiles("django_db_query_duration_seconds_bucket"),
            width=10,
        ),
    ]


def _tasks() -> list[Panel]:
    """Return the panels about the queue. All instances report the same numbers."""
    durations = "clips_task_duration_seconds"

    def rates(part: str) -> str:
        return f"sum by (task, instance) (rate({durations}_{part}{{$chosen}}[$__rate_interval]))"

    return [
        number(
            "Workers",
            "Workers that have given a sign of life in the last 30 seconds. Without any, the alert "
            "NoWorker warns.",
            "none",
            Query("max(clips_task_workers{$chosen})", "workers"),
            width=4,
            height=9,
        )
        .thresholds(thresholds("red", (1, "green")))
        .no_value("Unknown"),
        chart(
            "Waiting tasks",
            "Tasks that wait for a worker, or for the time of their next attempt, by queue.",
            "short",
            Query(
                "sum by (queue) (max by (queue, task) (clips_tasks_waiting{$chosen}))", "{{queue}}"
            ),
            width=10,
        ).no_value("No tasks"),
        limits(
            chart(
                "Oldest waiting task",
                "How long the oldest task of a queue has waited since it could have started. Above "
                "15 minutes the alert TasksWaiting warns, except for the queue backfill.",
                "s",
                Query("max by (queue) (clips_tasks_oldest_waiting_seconds{$chosen})", "{{queue}}"),
                width=10,
            ).no_value("No tasks"),
            "transparent",
            (900, "red"),
        ),
        chart(
            "Running tasks",
            "Tasks that workers execute, by name.",
            "short",
            Query("max by (task) (clips_tasks_running{$chosen})", "{{task}}"),
            width=8,
        ).no_value("No tasks"),
        colored(
            chart(
                "Task attempts",
                "Attempts of tasks per minute, by how they ended. A retried attempt is repeated "
                "later; a failed one was the last.",
                "cpm",
                Query(
                    "60 * sum by (outcome) (max by (task, outcome) "
                    f"(rate({durations}_count{{$chosen}}[$__rate_interval])))",
                    "{{outcome}}",
                ),
                width=8,
            ),
            {"failed": "red", "retried": "orange", "succeeded": "green"},
        ),
        chart(
            "Task duration",
            "Mean duration of attempts, by task.",
            "s",
            Query(
                f"max by (task) ({rates('sum')} / {rates('count')})",
                "{{task}}",
            ),
            width=8,
        ).no_value("No tasks"),
    ]


def _webhooks() -> list[Panel]:
    """Return the panels about webhooks. All instances report the same numbers."""
    return [
        colored(
            chart(
                "Webhooks",
                "Webhooks by their state. Editors pause them, and so does the service after a "
                "day of failures, of which the alert WebhookPaused warns.",
                "short",
                Query("max by (state) (clips_webhooks{$chosen})", "{{state}}"),
                width=8,
            ),
            {"active": "green", "failing": "orange", "paused_by_service": "red"},
        ),
        colored(
            chart(
                "Deliveries",
                "Attempts to deliver a message per minute. A message has up to 500 changes.",
                "cpm",
                Query(
                    "60 * max by (outcome) "
                    "(rate(clips_webhook_deliveries_total{$chosen}[$__rate_interval]))",
                    "{{outcome}}",
                ),
                width=8,
            ),
            {"delivered": "green", "failed": "red"},
        ),
        limits(
            chart(
                "Undelivered for",
                "Age of the oldest change that a webhook has not got. Above an hour the alert "
                "WebhooksLate warns. Paused webhooks do not count.",
                "s",
                Query("max(clips_webhook_lag_seconds{$chosen})", "oldest change"),
                width=8,
            ),
            "transparent",
            (3600, "red"),
        ),
    ]
