"""Who is the same listener, and what is kept of a listener: as little as that needs."""

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
from django.test import RequestFactory
from django.utils import timezone

from harness.service import Server
from library.models import Client, Clip, Kind, ListenerKey, PlayEvent
from library.plays import listener
from library.plays.listener import listener_hashes
from library.plays.record import Play, Recorded, _write, record
from tests.support.plays import plays_of, stream

Ask = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]
RANGED = {"Range": "bytes=0-", "User-Agent": "a player"}


@pytest.fixture(scope="module")
def one_behind_a_proxy(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with django_db_blocker.unblock():
        server = Server(tmp_path_factory.mktemp("proxied") / "log", CLIPS_TRUSTED_PROXIES="1")
    yield server
    assert server.stop() == 0


@pytest.fixture
def proxied(one_behind_a_proxy: Server, server: Server) -> Server:
    """A service that believes its proxy, beside the shared one on the same database."""
    return one_behind_a_proxy


@pytest.fixture
def new_keys(transactional_db: None) -> Iterator[None]:
    """This process knows no key."""
    listener._keys = None
    yield
    listener._keys = None


def test_ranges_that_race_over_all_processes_are_one_play(
    server: Server, proxied: Server, clip: Clip, mp3: bytes
) -> None:
    urls = [server.url + stream(clip), proxied.url + stream(clip)] * 20
    headers = RANGED | {"X-Forwarded-For": "127.0.0.1"}
    with ThreadPoolExecutor(40) as pool:
        answers = pool.map(lambda url: requests.get(url, headers=headers, timeout=30), urls)
        assert [answer.content == mp3 for answer in answers] == [True] * 40
    assert plays_of(clip) == 1


def test_ranges_that_are_recorded_together_are_one_play(clip: Clip) -> None:
    ranged = Play(clip.pk, Kind.RANGED, uuid4(), None, Client.PLAYER, "")
    plain, another = replace(ranged, kind=Kind.PLAIN), replace(ranged, listener=uuid4())
    outcomes = _write([ranged, plain, ranged, another, plain, ranged])
    recorded = [isinstance(outcome, Recorded) and outcome.event_id for outcome in outcomes]
    assert [bool(event) for event in recorded] == [True, True, False, True, True, False]
    assert plays_of(clip) == 4


def test_another_program_is_another_listener(http: Ask, clip: Clip) -> None:
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


def test_ranged_play_is_new_once_the_clip_could_have_ended(http: Ask, make_clip: MakeClip) -> None:
    clip = make_clip(duration=600)
    for earlier, plays in ((0, 1), (500, 1), (100, 2), (0, 2)):
        PlayEvent.objects.update(played_at=F("played_at") - timedelta(seconds=earlier))
        http("GET", stream(clip), headers=RANGED)
        assert PlayEvent.objects.count() == plays


def test_plain_gets_and_other_clips_in_between_count(http: Ask, make_clip: MakeClip) -> None:
    clip, other = make_clip(), make_clip()
    for _ in range(3):
        http("GET", stream(clip), headers=RANGED)
        http("GET", stream(clip), headers={"User-Agent": "a player"})
        http("GET", stream(other), headers=RANGED)
    assert (plays_of(clip), plays_of(other)) == (4, 1)


def test_play_goes_on_past_midnight_under_the_new_key(clip: Clip) -> None:
    evening = Play(clip.pk, Kind.RANGED, uuid4(), None, Client.PLAYER, "")
    begun = record(evening)
    morning = replace(evening, listener=uuid4(), listener_before=evening.listener)
    assert begun.event_id is not None
    assert record(morning).event_id is None
    assert record(replace(morning, listener_before=uuid4())).event_id is not None


def test_who_has_no_address_is_nobody_and_each_play_counts(clip: Clip) -> None:
    behind_a_socket = RequestFactory().get("/", REMOTE_ADDR="")
    assert listener_hashes(behind_a_socket) == (None, None)
    play = Play(clip.pk, Kind.RANGED, None, None, Client.PLAYER, "")
    assert None not in {record(play).event_id, record(play).event_id}
    assert plays_of(clip) == 2


def hashes_anew(_: object = None) -> tuple[UUID | None, UUID | None]:
    listener._keys = None
    return listener_hashes(RequestFactory().get("/"))


def test_days_key_is_made_once_however_many_ask(new_keys: None) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: listener._renewed_keys().today, range(8)))
    assert [bytes(key) for key in ListenerKey.objects.values_list("key", flat=True)] == [made[0]]
    assert set(made) == {made[0]}


def today_and_before() -> list[Any]:
    today = timezone.now().astimezone(UTC).date()
    return [today - timedelta(days=days) for days in range(3)]


def test_old_keys_are_destroyed_when_their_grace_is_over(
    new_keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database's clock cannot be moved, so the grace is."""
    days = today_and_before()
    ListenerKey.objects.bulk_create(ListenerKey(day=day, key=bytes(32)) for day in days[1:])
    monkeypatch.setattr(listener, "GRACE", timedelta(days=1))
    today, before = hashes_anew()
    assert list(ListenerKey.objects.order_by("-day").values_list("day", flat=True)) == days[:2]
    assert before is not None
    assert today != before
    monkeypatch.setattr(listener, "GRACE", timedelta(0))
    assert hashes_anew() == (today, None)
    assert ListenerKey.objects.get().day == days[0]


def test_listener_of_today_is_known_tomorrow_as_yesterdays(
    new_keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "GRACE", timedelta(days=1))
    today, _ = hashes_anew()
    ListenerKey.objects.update(day=today_and_before()[1])  # the night has passed
    tomorrow, before = hashes_anew()
    assert before == today != tomorrow


def test_address_and_agent_and_path_are_nowhere_in_the_database(
    proxied: Server, clip: Clip
) -> None:
    said = {
        "X-Forwarded-For": "203.0.113.99",
        "User-Agent": "Mozilla/5.0 (unheard-of) Gecko/20100101 Firefox/153.0",
        "Referer": "https://Example.org:8443/unseen?secret=1",
    }
    requests.get(proxied.url + stream(clip), headers=said, timeout=30)
    with connection.cursor() as cursor:
        shown = ""
        for table in connection.introspection.table_names(cursor, include_views=True):
            cursor.execute(f'SELECT "{table}"::text FROM "{table}"')
            shown += str(cursor.fetchall())
    assert "example.org" in shown
    for secret in ("203.0.113", "unheard", "Gecko", "8443", "unseen", "secret"):
        assert secret not in shown
