"""The rule for what counts as a play, and the play that a request makes, without a server."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.audio.byte_range import ByteRange
from library.client_address import client_network
from library.models import Client, Kind
from library.plays.listener import Keys
from library.plays.request import kind_of_play, play_of

SIZE = 1000
KEYS = Keys(today=b"today".ljust(32), before=b"before".ljust(32), until=0)
NETWORK = client_network("203.0.113.9", "", 0)


def fields(**headers: str) -> Callable[[str], str | None]:
    """Return a look-up of header fields; `user_agent` stands for User-Agent."""
    return lambda name: headers.get(name.lower().replace("-", "_"))


@pytest.mark.parametrize(
    ("start", "length", "kind"),
    [
        (0, SIZE, Kind.RANGED),
        (0, 3, Kind.RANGED),
        (0, 2, None),  # Safari's probe
        (0, 1, None),
        (1, 1, None),
        (1, 2, Kind.RANGED),
        (1, SIZE - 1, Kind.RANGED),  # the rest after `bytes=0-0`
        (2, SIZE - 2, Kind.RANGED),  # the rest after `bytes=0-1`
        (2, 1, Kind.RANGED),
        (3, SIZE - 3, None),
        (SIZE - 1, 1, None),
    ],
)
def test_range_is_a_play_if_it_includes_the_third_byte(
    start: int, length: int, kind: Kind | None
) -> None:
    assert kind_of_play("GET", fields(), ByteRange(start, length), ranged=True) == kind


@given(st.integers(3, 50), st.lists(st.integers(1, 49)))
def test_whole_audio_in_ranges_always_includes_a_play(size: int, cuts: list[int]) -> None:
    ends = sorted({0, size, *(cut for cut in cuts if cut < size)})
    parts = [ByteRange(start, stop - start) for start, stop in pairwise(ends)]
    kinds = [kind_of_play("GET", fields(), part, ranged=True) for part in parts]
    assert kinds.count(Kind.RANGED) == 1


@pytest.mark.parametrize(
    ("method", "part", "kind"),
    [
        ("GET", ByteRange(0, SIZE), Kind.PLAIN),
        ("GET", ByteRange(0, 1), Kind.PLAIN),  # audio of one byte
        ("GET", None, None),  # 304, 412, 416
        ("HEAD", ByteRange(0, SIZE), None),
    ],
)
def test_whole_audio_is_a_play(method: str, part: ByteRange | None, kind: Kind | None) -> None:
    assert kind_of_play(method, fields(), part, ranged=False) == kind


@pytest.mark.parametrize("purpose", ["prefetch", "prefetch;prerender"])
def test_prefetched_audio_is_no_play(purpose: str) -> None:
    field = fields(sec_purpose=purpose)
    assert kind_of_play("GET", field, ByteRange(0, SIZE), ranged=False) is None


def test_play_describes_the_request() -> None:
    field = fields(user_agent="VLC/3.0.24 LibVLC/3.0.24", referer="https://Example.org:8443/a?b")
    version = datetime(2026, 11, 1, tzinfo=UTC)
    play = play_of(7, Kind.PLAIN, field, NETWORK, KEYS, version)
    assert (play.clip_id, play.kind, play.version) == (7, Kind.PLAIN, version)
    assert (play.client, play.referrer) == (Client.PLAYER, "example.org")


def test_listener_is_a_network_and_a_user_agent_under_each_key() -> None:
    field, other = fields(user_agent="one"), fields(user_agent="two")
    elsewhere = client_network("203.0.113.10", "", 0)
    plays = [
        play_of(7, Kind.PLAIN, *request, KEYS)
        for request in ((field, NETWORK), (field, NETWORK), (other, NETWORK), (field, elsewhere))
    ]
    assert plays[0] == plays[1]
    hashes = {found for play in plays for found in (play.listener, play.listener_before)}
    assert len(hashes) == 6


def test_embedding_host_is_the_referrer_only_without_a_referer() -> None:
    plain = (7, Kind.PLAIN)
    embedded = play_of(*plain, fields(), NETWORK, KEYS, embedded_in="blog.example")
    direct = play_of(
        *plain, fields(referer="https://a.example/"), NETWORK, KEYS, embedded_in="blog.example"
    )
    assert (embedded.referrer, direct.referrer) == ("blog.example", "a.example")


def test_play_without_any_field_or_network_has_no_listener() -> None:
    play = play_of(7, Kind.RANGED, fields(), None, KEYS)
    assert (play.listener, play.listener_before) == (None, None)
    assert (play.client, play.referrer) == (Client.OTHER, "")
