"""Recognising a listener, and the little that is stored for it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests
from django.db import connection
from django.db.models import F
from django.utils import timezone

from harness.service import Server
from library.client_address import client_network
from library.models import Client, Clip, Kind, ListenerKey, PlayEvent
from library.plays import listener
from library.plays.listener import current_keys, known_keys, listener_hashes
from library.plays.record import Play, Recorded, _write, record
from tests.support.plays import plays_of, stream

Http = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]
RANGED = {"Range": "bytes=0-", "User-Agent": "a player"}


@pytest.fixture(scope="module")
def proxied_server(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with django_db_blocker.unblock():
        server = Server(tmp_path_factory.mktemp("proxied") / "log", CLIPS_TRUSTED_PROXIES="1")
    yield server
    assert server.stop() == 0


@pytest.fixture
def proxied(proxied_server: Server, server: Server) -> Server:
    """A second service on the same database, which trusts one proxy."""
    return proxied_server


@pytest.fixture
def new_keys(transactional_db: None) -> Iterator[None]:
    """Forget the keys that this process has read."""
    listener._keys = None
    yield
    listener._keys = None


def test_concurrent_ranges_in_several_processes_are_one_play(
    server: Server, proxied: Server, clip: Clip, mp3: bytes
) -> None:
    urls = [server.url + stream(clip), proxied.url + stream(clip)] * 20
    headers = RANGED | {"X-Forwarded-For": "127.0.0.1"}
    with ThreadPoolExecutor(40) as pool:
        answers = pool.map(lambda url: requests.get(url, headers=headers, timeout=30), urls)
        assert [answer.content == mp3 for answer in answers] == [True] * 40
    assert plays_of(clip) == 1


def test_ranges_recorded_in_one_group_are_one_play(clip: Clip) -> None:
    ranged = Play(clip.pk, Kind.RANGED, uuid4(), None, Client.PLAYER, "")
    plain, another = replace(ranged, kind=Kind.PLAIN), replace(ranged, listener=uuid4())
    outcomes = _write([ranged, plain, ranged, another, plain, ranged])
    recorded = [isinstance(outcome, Recorded) and outcome.event_id for outcome in outcomes]
    assert [bool(event) for event in recorded] == [True, True, False, True, True, False]
    assert plays_of(clip) == 4


def test_another_user_agent_is_another_listener(http: Http, clip: Clip) -> None:
    for agent in ("one", "another", "one"):
        http("GET", stream(clip), headers=RANGED | {"User-Agent": agent})
    assert plays_of(clip) == 2


@pytest.mark.parametrize(
    ("addresses", "plays"),
    [
        (("203.0.113.9", "203.0.113.9", "::ffff:203.0.113.9", "203.0.113.9:4711"), 1),
        (("203.0.113.9", "203.0.113.10", "203.0.113.9"), 2),
        (("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", "[2001:DB8:0:1::2]:4711"), 1),
        (("2001:db8:0:1::1", "2001:db8:0:2::1"), 2),
        (("6.6.6.6, 203.0.113.9", "7.7.7.7, 203.0.113.9", "x, 203.0.113.9"), 1),
    ],
)
def test_another_address_is_another_listener(
    proxied: Server, clip: Clip, addresses: tuple[str, ...], plays: int
) -> None:
    for address in addresses:
        headers = RANGED | {"X-Forwarded-For": address}
        requests.get(proxied.url + stream(clip), headers=headers, timeout=30)
    assert plays_of(clip) == plays


def test_range_counts_again_once_the_clip_could_have_ended(http: Http, make_clip: MakeClip) -> None:
    clip = make_clip(duration=600)
    for earlier, plays in ((0, 1), (500, 1), (100, 2), (0, 2)):
        PlayEvent.objects.update(played_at=F("played_at") - timedelta(seconds=earlier))
        http("GET", stream(clip), headers=RANGED)
        assert PlayEvent.objects.count() == plays


def test_plain_requests_and_other_clips_count_in_between(http: Http, make_clip: MakeClip) -> None:
    clip, other = make_clip(), make_clip()
    for _ in range(3):
        http("GET", stream(clip), headers=RANGED)
        http("GET", stream(clip), headers={"User-Agent": "a player"})
        http("GET", stream(other), headers=RANGED)
    assert (plays_of(clip), plays_of(other)) == (4, 1)


def test_play_continues_past_midnight_under_the_new_key(clip: Clip) -> None:
    evening = Play(clip.pk, Kind.RANGED, uuid4(), None, Client.PLAYER, "")
    begun = record(evening)
    morning = replace(evening, listener=uuid4(), listener_before=evening.listener)
    assert begun.event_id is not None
    assert record(morning).event_id is None
    assert record(replace(morning, listener_before=uuid4())).event_id is not None


def test_request_without_an_address_has_no_listener_and_counts(clip: Clip) -> None:
    assert listener_hashes(current_keys(), client_network("", "", 0), "a player") == (None, None)
    play = Play(clip.pk, Kind.RANGED, None, None, Client.PLAYER, "")
    assert None not in {record(play).event_id, record(play).event_id}
    assert plays_of(clip) == 2


def hashes_with_new_keys() -> tuple[UUID | None, UUID | None]:
    listener._keys = None
    return listener_hashes(current_keys(), client_network("127.0.0.1", "", 0), "a player")


def test_keys_are_known_once_they_have_been_read_and_until_they_expire(
    new_keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert known_keys() is None
    keys = current_keys()
    assert known_keys() is keys
    monkeypatch.setattr(listener, "_keys", replace(keys, until=time.monotonic()))
    assert known_keys() is None


def test_concurrent_requests_create_one_key_for_the_day(new_keys: None) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: listener._renewed_keys().today, range(8)))
    assert [bytes(key) for key in ListenerKey.objects.values_list("key", flat=True)] == [keys[0]]
    assert set(keys) == {keys[0]}


def today_and_before() -> list[Any]:
    today = timezone.now().astimezone(UTC).date()
    return [today - timedelta(days=days) for days in range(3)]


def test_old_keys_are_deleted_after_their_grace_period(
    new_keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test changes the grace period because it cannot change the clock of PostgreSQL."""
    days = today_and_before()
    ListenerKey.objects.bulk_create(ListenerKey(day=day, key=bytes(32)) for day in days[1:])
    monkeypatch.setattr(listener, "GRACE", timedelta(days=1))
    today, before = hashes_with_new_keys()
    assert list(ListenerKey.objects.order_by("-day").values_list("day", flat=True)) == days[:2]
    assert before is not None
    assert today != before
    monkeypatch.setattr(listener, "GRACE", timedelta(0))
    assert hashes_with_new_keys() == (today, None)
    assert ListenerKey.objects.get().day == days[0]


def test_listener_of_today_is_recognised_tomorrow(
    new_keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "GRACE", timedelta(days=1))
    today, _ = hashes_with_new_keys()
    ListenerKey.objects.update(day=today_and_before()[1])  # a day passes
    tomorrow, before = hashes_with_new_keys()
    assert before == today != tomorrow


def test_database_holds_no_address_user_agent_or_referring_path(
    proxied: Server, clip: Clip
) -> None:
    headers = {
        "X-Forwarded-For": "203.0.113.99",
        "User-Agent": "Mozilla/5.0 (unheard-of) Gecko/20100101 Firefox/153.0",
        "Referer": "https://Example.org:8443/unseen?secret=1",
    }
    requests.get(proxied.url + stream(clip), headers=headers, timeout=30)
    with connection.cursor() as cursor:
        content = ""
        for table in connection.introspection.table_names(cursor, include_views=True):
            cursor.execute(f'SELECT "{table}"::text FROM "{table}"')
            content += str(cursor.fetchall())
    assert "example.org" in content
    for secret in ("203.0.113", "unheard", "Gecko", "8443", "unseen", "secret"):
        assert secret not in content
