"""Rate limits, counted by all processes together."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
import requests
from django.db import connection
from django.test import Client as Browser

from harness.service import Server
from library.api import throttles
from library.api.throttles import Counts
from library.models import Clip, RequestCount
from tests.support.editors import bearer, editor

CLIPS = "/api/v1/clips"
NEW = {"title": "New", "genre": "jazz", "duration": 3, "audio_url": "https://example.com/a.mp3"}
READS, WRITES, LISTENS = 250, 5, 1000
_strangers = count(1)


@pytest.fixture(scope="module")
def limited(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A service with low limits that trusts one proxy."""
    with django_db_blocker.unblock():
        server = Server(
            tmp_path_factory.mktemp("limited") / "log",
            CLIPS_THROTTLE="on",
            CLIPS_THROTTLE_READS=str(READS),
            CLIPS_THROTTLE_WRITES=str(WRITES),
            CLIPS_THROTTLE_BULK="1",
            CLIPS_THROTTLE_LISTENS=str(LISTENS),
            CLIPS_TRUSTED_PROXIES="1",
        )
    yield server
    server.stop()


Send = Callable[..., requests.Response]


@pytest.fixture
def send(limited: Server, transactional_db: None) -> Send:
    """Send a request as the client at an address."""

    def send(client: str, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"X-Forwarded-For": client, **options.pop("headers", {})}
        return requests.request(method, limited.url + path, headers=headers, timeout=30, **options)

    return send


def stranger() -> str:
    """Return an address that has sent no request."""
    number = next(_strangers)
    return f"203.0.{number // 256}.{number % 256}"


def in_one_minute(run: Callable[[str], Any]) -> Any:
    """Return the result of `run` for a new client; repeat it if a minute ended in between."""
    while True:
        minute = time.time() // 60
        result = run(stranger())
        if time.time() // 60 == minute:
            return result


def parallel(number: int, call: Callable[[], requests.Response]) -> list[int]:
    """Return the statuses of parallel calls."""
    with ThreadPoolExecutor(16) as pool:
        return [answer.status_code for answer in pool.map(lambda _: call(), range(number))]


def test_writes_are_counted_exactly_across_processes(send: Send) -> None:
    def write(client: str) -> tuple[list[int], int]:
        before = Clip.objects.count()
        statuses = parallel(20, lambda: send(client, "POST", CLIPS, json=NEW))
        return sorted(statuses), Clip.objects.count() - before

    assert in_one_minute(write) == (WRITES * [201] + (20 - WRITES) * [429], WRITES)


@pytest.mark.parametrize("path", [CLIPS, "/"])
def test_reads_exceed_their_limit_by_less_than_a_tenth(send: Send, path: str) -> None:
    statuses = in_one_minute(lambda client: parallel(READS + 50, lambda: send(client, "GET", path)))
    assert set(statuses) == {200, 429}
    assert READS <= statuses.count(200) < READS + READS // 10


def test_reads_above_the_limit_are_refused_alike_in_the_event_loop_and_by_django(
    send: Send,
) -> None:
    def refused(client: str) -> list[tuple[bytes, set[tuple[str, str]]]]:
        parallel(3 * READS, lambda: send(client, "GET", CLIPS))
        seconds = None
        while seconds is None or len(seconds) > 1:  # until both answers are of the same second
            # A cookie may change the answer of a read, so Django gives it.
            answers = [send(client, "GET", CLIPS, headers=own) for own in ({}, {"Cookie": "a=b"})]
            seconds = {answer.headers.get("Retry-After") for answer in answers}
        assert [answer.status_code for answer in answers] == [429, 429]
        return [(answer.content, set(answer.headers.items())) for answer in answers]

    (in_loop, fields), (by_django, all_fields) = in_one_minute(refused)
    assert in_loop == by_django
    own_fields = {"Date", "X-Request-ID", "Vary"}
    assert {field for field in fields - all_fields if field[0] not in own_fields} == set()
    assert {name for name, _ in all_fields} - {name for name, _ in fields} == {"Allow"}


def test_responses_show_the_remaining_limit_and_when_to_retry(send: Send) -> None:
    answers = in_one_minute(
        lambda client: [send(client, "POST", CLIPS, json=NEW) for _ in range(WRITES + 1)]
    )
    assert answers[0].headers["RateLimit-Policy"] == f'"writes";q={WRITES};w=60'
    assert answers[0].headers["RateLimit"].startswith(f'"writes";r={WRITES - 1};t=')
    assert answers[-2].headers["RateLimit"].startswith('"writes";r=0;t=')
    refused = answers[-1]
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert refused.headers["RateLimit"] == f'"writes";r=0;t={refused.headers["Retry-After"]}'
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


def exhaust_writes(send: Send, client: str) -> int:
    return [send(client, "POST", CLIPS, json=NEW).status_code for _ in range(WRITES + 1)][-1]


def test_clients_and_kinds_of_requests_have_separate_limits(send: Send) -> None:
    def others(client: str) -> list[int]:
        exhausted = exhaust_writes(send, client)
        read = send(client, "GET", CLIPS)
        bulk = [send(client, "POST", f"{CLIPS}/bulk", json=[NEW]) for _ in range(2)]
        other = send(stranger(), "POST", CLIPS, json=NEW)
        return [exhausted, *(answer.status_code for answer in (read, *bulk, other))]

    assert in_one_minute(others) == [429, 200, 201, 429, 201]


def test_signed_in_user_has_a_separate_limit(send: Send) -> None:
    def as_user(client: str) -> tuple[int, int]:
        headers = bearer(editor(client))
        exhausted = exhaust_writes(send, client)
        return exhausted, send(client, "POST", CLIPS, json=NEW, headers=headers).status_code

    assert in_one_minute(as_user) == (429, 201)


def test_addresses_of_one_ipv6_network_are_one_client(send: Send) -> None:
    def neighbours(address: str) -> tuple[int, int, int]:
        network = f"2001:db8:{address.split('.')[3]}"
        return (
            exhaust_writes(send, f"{network}:1::1"),
            send(f"{network}:1:ffff::2", "POST", CLIPS, json=NEW).status_code,
            send(f"{network}:2::1", "POST", CLIPS, json=NEW).status_code,
        )

    assert in_one_minute(neighbours) == (429, 429, 201)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/docs", "/openapi.json"])
def test_only_the_api_and_the_list_are_limited(send: Send, path: str) -> None:
    assert "RateLimit" not in send(stranger(), "GET", path).headers


def test_report_of_a_listen_counts_once_wherever_it_is_answered(
    limited: Server, clip: Clip
) -> None:
    def report(client: str) -> list[str]:
        body = json.dumps({"session": str(uuid4()), "position": 1, "state": "playing"})
        url, headers = f"{limited.url}{CLIPS}/{clip.pk}/listens", {"X-Forwarded-For": client}
        with requests.Session() as one_worker:
            answers = [one_worker.post(url, body, headers=headers) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [204, 204, 204]
        return [answer.headers["RateLimit"].partition(";t=")[0] for answer in answers]

    assert in_one_minute(report) == [f'"listens";r={LISTENS - number}' for number in (1, 2, 3)]


def test_streams_are_not_limited(send: Send, clip: Clip) -> None:
    answer = send(stranger(), "GET", f"{CLIPS}/{clip.pk}/stream")
    assert answer.status_code == 200
    assert "RateLimit" not in answer.headers


def test_limits_can_be_disabled(http: Callable[..., requests.Response]) -> None:
    assert "RateLimit" not in http("GET", CLIPS).headers


def test_requests_are_allowed_if_the_database_cannot_count(send: Send) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE library_requestcount RENAME TO away")
    try:
        client = stranger()
        answers = [send(client, "POST", CLIPS, json=NEW), send(client, "GET", CLIPS)]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO library_requestcount")
    assert [answer.status_code for answer in answers] == [201, 200]


def test_each_minute_starts_at_one(transactional_db: None) -> None:
    counts = Counts()
    known = [counts.add("client", minute, 10, 1) for minute in (7, 7, 7, 8, 8)]
    assert known == [1, 2, 3, 1, 2]


def test_processes_share_their_counts(transactional_db: None) -> None:
    one, other = Counts(), Counts()
    known = [counts.add("client", 7, 10, 1) for counts in (one, other, one, other)]
    assert known == [1, 2, 3, 4]


def test_batch_needs_one_query(transactional_db: None, django_assert_num_queries: Any) -> None:
    counts = Counts()
    counts.add("other", 7, 1000, 1)  # the first of a minute also purges
    with django_assert_num_queries(1):
        assert [counts.add("client", 7, 1000, 10) for _ in range(10)] == [*range(1, 11)]


def test_counts_of_past_minutes_are_deleted(transactional_db: None) -> None:
    counts = Counts()
    for minute in (7, 8, 9):
        counts.add("client", minute, 10, 1)
    assert sorted(RequestCount.objects.values_list("minute", flat=True)) == [8, 9]


def test_keys_of_a_client_differ_between_minutes(transactional_db: None) -> None:
    for minute in (7, 8):
        Counts().add("203.0.113.9", minute, 10, 1)
    keys = set(RequestCount.objects.values_list("client", flat=True))
    assert len(keys) == 2


def test_table_of_counts_is_unlogged(transactional_db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'library_requestcount'")
        assert cursor.fetchone() == ("u",)


@pytest.mark.parametrize(
    ("method", "path", "limit"), [("GET", CLIPS, READS), ("POST", CLIPS, WRITES)]
)
def test_requests_with_unknown_tokens_count_for_the_address(
    send: Send, method: str, path: str, limit: int
) -> None:
    tokens = count()

    def guess(client: str) -> list[int]:
        def once() -> requests.Response:
            headers = {"Authorization": f"Bearer clips_{next(tokens)}"}
            return send(client, method, path, json=NEW, headers=headers)

        return parallel(limit + 60, once)

    statuses = in_one_minute(guess)
    assert set(statuses) == {401, 429}
    assert statuses.count(401) >= limit
    assert statuses.count(429) >= 20


def test_guesses_of_others_at_an_address_do_not_limit_a_valid_token(send: Send) -> None:
    headers = bearer(editor())

    def guess_then_write(client: str) -> tuple[int, int]:
        wrong = {"Authorization": "Bearer wrong"}
        for _ in range(WRITES + 1):
            last = send(client, "POST", CLIPS, json=NEW, headers=wrong)
        mine = send(client, "PATCH", f"{CLIPS}/1", json={}, headers=headers)
        return last.status_code, mine.status_code

    assert in_one_minute(guess_then_write) == (429, 404)


def test_unknown_tokens_beyond_the_limit_cost_no_query(
    client: Browser, transactional_db: None, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.CLIPS_THROTTLE = True
    settings.CLIPS_THROTTLE_RATES = {"reads": 5, "writes": 2, "bulk": 1}
    used, unused = bearer(editor("used")), bearer(editor("unused"))

    def send(address: str, method: str, headers: dict[str, str]) -> int:
        kind = "application/json"
        answer = client.generic(
            method, f"{CLIPS}/1", b"{}", kind, headers=headers, REMOTE_ADDR=address
        )
        return answer.status_code

    def guess(address: str) -> tuple[int, list[int], int]:
        send(address, "PATCH", used)
        for number in range(16):
            send(address, ("GET", "PATCH")[number % 2], {"Authorization": f"Bearer {number}"})
        with django_assert_num_queries(0):
            wrong = [send(address, way, {"Authorization": "Bearer x"}) for way in ("GET", "PATCH")]
        return send(address, "PATCH", used), wrong, send(address, "PATCH", unused)

    assert in_one_minute(guess) == (404, [429, 429], 429)
    assert send(stranger(), "PATCH", unused) == 404


def test_requests_without_credentials_count_where_they_are_needed(send: Send) -> None:
    def edit(client: str) -> list[int]:
        return [send(client, "PATCH", f"{CLIPS}/1", json={}).status_code for _ in range(WRITES + 1)]

    assert in_one_minute(edit) == [401] * WRITES + [429]


def test_number_of_clients_that_a_process_counts_is_limited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(throttles, "MOST_CLIENTS", 3)
    counts = Counts()
    for number in range(10):
        assert counts.add_in_memory(f"client {number}", minute=1, limit=100, batch=10) == 1
    assert [*counts._tallies] == ["client 7", "client 8", "client 9"]
