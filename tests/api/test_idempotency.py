"""Idempotency-Key: a repeated request is carried out once."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any

import pytest
import requests
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from harness.service import Server
from library.api.errors import KeyInUse, error_body
from library.api.idempotency import _lock
from library.models import Clip, ClipQuerySet, IdempotentAnswer
from tests.support.editors import bearer, editor

Http = Callable[..., requests.Response]
PATH = "/api/v1/clips"
NEW = {"title": "New", "genre": "jazz", "duration": 3, "audio_url": "https://example.com/a.mp3"}
KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


@contextmanager
def clips_cannot_be_added() -> Iterator[None]:
    """Make inserts of clips wait until the context ends."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE library_clip IN SHARE MODE")
        yield


def await_a_waiting_insert() -> None:
    """Return when a request holds its key and waits for the table."""
    with connection.cursor() as cursor:
        for _ in range(20_000):
            cursor.execute(
                "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'library_clip'::regclass"
            )
            if cursor.fetchone():
                return
    raise AssertionError("a request should wait")


def test_repeated_request_returns_the_first_response(http: Http) -> None:
    first = http("POST", PATH, json=NEW, headers=KEY)
    again = http("POST", PATH, json=NEW, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    for name in ("Location", "ETag", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert again.content == first.content
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (
        False,
        "true",
    )
    assert Clip.objects.count() == 1


def test_repeated_request_shows_the_clips_as_they_are_now(http: Http) -> None:
    first = http("POST", f"{PATH}/bulk", json=[NEW, NEW], headers=KEY).json()
    http("PATCH", f"{PATH}/{first[0]['id']}", json={"title": "B"}, headers=bearer(editor()))
    again = http("POST", f"{PATH}/bulk", json=[NEW, NEW], headers=KEY)
    assert [clip["id"] for clip in again.json()] == [clip["id"] for clip in first]
    assert (again.status_code, again.json()[0]["title"]) == (201, "B")


def test_repeated_request_is_410_if_a_row_is_gone(http: Http) -> None:
    http("POST", PATH, json=NEW, headers=KEY)
    Clip.objects.all().delete()
    again = http("POST", PATH, json=NEW, headers=KEY)
    assert (again.status_code, again.json()["code"]) == (410, "clip_deleted")


def delete(clips: ClipQuerySet) -> None:
    clips.mark_deleted()


def withdraw(clips: ClipQuerySet) -> None:
    clips.withdraw("Its creator asked us to.")


def make_draft(clips: ClipQuerySet) -> None:
    clips.make_draft()


@pytest.mark.parametrize("hide", [delete, withdraw, make_draft])
@pytest.mark.parametrize(("path", "body"), [(PATH, NEW), (f"{PATH}/bulk", [NEW, NEW])])
def test_repeated_request_shows_no_clip_that_the_public_may_not_see(
    http: Http, path: str, body: Any, hide: Callable[[ClipQuerySet], None]
) -> None:
    http("POST", path, json=body, headers=KEY)
    last = Clip.objects.latest("id")
    hide(Clip.objects.filter(pk=last.pk))
    again, shown = http("POST", path, json=body, headers=KEY), http("GET", f"{PATH}/{last.pk}")
    assert (again.status_code, again.json()) == (shown.status_code, shown.json())
    assert again.status_code in (404, 410)


def test_repeated_request_shows_a_draft_until_it_is_changed(
    client: Client, settings: Any, transactional_db: None
) -> None:
    settings.CLIPS_API_MODERATE = True

    def add() -> Any:
        return client.post(PATH, NEW, "application/json", headers=KEY)

    first, again = add(), add()
    assert (again.status_code, again.content) == (201, first.content)
    headers = {**bearer(editor()), "If-Match": first["ETag"]}
    clip = f"{PATH}/{first.json()['id']}"
    assert (
        client.patch(clip, {"title": "B"}, "application/json", headers=headers).status_code == 200
    )
    assert (add().status_code, client.get(clip).status_code) == (404, 404)
    Clip.objects.publish()
    assert add().json()["title"] == "B"


def test_transaction_with_a_key_has_the_idle_limit_of_all_requests(
    transactional_db: None,
) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        before = cursor.fetchone()
        assert _lock(b"client", "key")
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == before


def test_stored_answer_to_a_large_request_is_small(http: Http) -> None:
    large = [{**NEW, "description": "x" * 1800}] * 1000
    assert http("POST", f"{PATH}/bulk", json=large, headers=KEY).status_code == 201
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(pg_column_size(kept)) FROM library_idempotentanswer AS kept")
        assert cursor.fetchone()[0] < 10_000


def test_number_of_keys_of_a_client_is_limited(start_server: Callable[..., Server]) -> None:
    server = start_server(CLIPS_IDEMPOTENCY_KEYS="2")
    user = bearer(editor())

    def add(key: str | None, headers: dict[str, str]) -> requests.Response:
        keys = {"Idempotency-Key": key} if key else {}
        url = server.url + PATH
        return requests.post(url, json=NEW, headers={**headers, **keys}, timeout=30)

    assert [add(key, {}).status_code for key in ("a", "b", "a")] == [201, 201, 201]
    refused = add("c", {})
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_idempotency_keys")
    assert 86_000 < int(refused.headers["Retry-After"]) <= 86_400
    assert [add(None, {}).status_code, add("c", user).status_code] == [201, 201]
    assert Clip.objects.count() == 4
    expired = timezone.now() - timedelta(hours=24, seconds=1)
    IdempotentAnswer.objects.filter(key="a").update(created_at=expired)
    assert add("c", {}).status_code == 201


def test_order_of_names_in_the_body_does_not_matter(http: Http) -> None:
    first = http("POST", PATH, json=NEW, headers=KEY)
    again = http("POST", PATH, json=dict(reversed(NEW.items())), headers=KEY)
    assert again.json() == first.json()


def test_quotes_around_the_key_do_not_matter(http: Http) -> None:
    first = http("POST", PATH, json=NEW, headers=KEY)
    quoted = {"Idempotency-Key": f'"{KEY["Idempotency-Key"]}"'}
    assert http("POST", PATH, json=NEW, headers=quoted).json() == first.json()


def test_many_clips_are_added_once(http: Http) -> None:
    first = http("POST", f"{PATH}/bulk", json=[NEW, NEW], headers=KEY)
    again = http("POST", f"{PATH}/bulk", json=[NEW, NEW], headers=KEY)
    assert again.json() == first.json()
    assert Clip.objects.count() == 2


@pytest.mark.parametrize(
    ("path", "body"), [(PATH, {**NEW, "title": "Other"}), (f"{PATH}/bulk", [NEW])]
)
def test_different_request_with_the_same_key_is_422(http: Http, path: str, body: Any) -> None:
    http("POST", PATH, json=NEW, headers=KEY)
    answer = http("POST", path, json=body, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert Clip.objects.count() == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", '"open', '""', "a\\b", "\xe9", "a,b"])
def test_invalid_key_is_400(http: Http, key: str) -> None:
    headers = {"Idempotency-Key": key.encode("latin-1")}
    answer = http("POST", PATH, json=NEW, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")
    assert not Clip.objects.exists()


def test_two_keys_are_400(server: Server) -> None:
    """Sent as two fields, which `requests` cannot."""
    connection = HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=30)
    body = json.dumps(NEW).encode()
    with closing(connection):
        connection.putrequest("POST", PATH)
        for name, value in (
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Idempotency-Key", "a"),
            ("Idempotency-Key", "b"),
        ):
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)["code"]) == (400, "idempotency_key_invalid")


def test_failed_request_does_not_use_up_the_key(http: Http) -> None:
    assert http("POST", PATH, json={**NEW, "title": ""}, headers=KEY).status_code == 400
    assert http("POST", PATH, json=NEW, headers=KEY).status_code == 201


def test_clients_have_separate_keys(http: Http) -> None:
    anonymous = http("POST", PATH, json=NEW, headers=KEY).json()
    machine = http("POST", PATH, json=NEW, headers={**KEY, **bearer(editor())}).json()
    assert machine["id"] != anonymous["id"]


def test_key_can_be_used_again_after_a_day_and_its_response_is_deleted(http: Http) -> None:
    http("POST", PATH, json=NEW, headers=KEY)
    http("POST", PATH, json=NEW, headers={"Idempotency-Key": "another"})
    IdempotentAnswer.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    http("POST", PATH, json=NEW, headers=KEY)
    assert Clip.objects.count() == 3
    assert IdempotentAnswer.objects.get().key == KEY["Idempotency-Key"]


def test_no_address_is_stored(http: Http) -> None:
    http("POST", PATH, json=NEW, headers=KEY)
    kept = IdempotentAnswer.objects.values().get()
    assert b"127.0.0.1" not in bytes(kept["client"])
    assert len(kept["client"]) == 16


def test_second_request_is_409_while_the_first_is_in_progress(http: Http, server: Server) -> None:
    with ThreadPoolExecutor() as pool:
        with clips_cannot_be_added():
            url = server.url + PATH
            first = pool.submit(requests.post, url, json=NEW, headers=KEY, timeout=30)
            await_a_waiting_insert()
            second = http("POST", PATH, json=NEW, headers=KEY)
        assert first.result().status_code == 201
    assert (second.status_code, second.json()) == (409, error_body(KeyInUse()))
    assert int(second.headers["Retry-After"]) > 0
    assert http("POST", PATH, json=NEW, headers=KEY).content == first.result().content


def test_parallel_requests_with_one_key_add_one_clip(server: Server) -> None:
    def add(_: int) -> requests.Response:
        while True:
            answer = requests.post(server.url + PATH, json=NEW, headers=KEY, timeout=30)
            if answer.status_code != 409:
                return answer

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(add, range(32)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert Clip.objects.count() == 1


def test_killed_request_does_not_use_up_the_key(
    start_server: Callable[..., Server],
) -> None:
    server = start_server()
    url = server.url + PATH
    with ThreadPoolExecutor() as pool, clips_cannot_be_added():
        first = pool.submit(requests.post, url, json=NEW, headers=KEY, timeout=30)
        await_a_waiting_insert()
        for worker in server.workers():
            os.kill(worker, signal.SIGKILL)
        with pytest.raises(requests.ConnectionError):
            first.result()
    while (again := requests.post(url, json=NEW, headers=KEY, timeout=30)).status_code == 409:
        pass  # until PostgreSQL has seen that the first client is gone
    assert again.status_code == 201
    assert [clip.pk for clip in Clip.objects.all()] == [again.json()["id"]]
