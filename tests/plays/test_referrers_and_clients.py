"""The referring host and the client family that are stored with a play."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import requests

from library.models import AudienceTally, Client, Clip, PlayEvent
from library.plays.record import REFERRERS_KEPT
from tests.support.plays import plays_of, stream

Http = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]


def test_only_the_host_of_a_referrer_is_stored(http: Http, make_clip: MakeClip) -> None:
    stored_by_referrer = {
        "https://Example.org:8443/path?secret=1": "example.org",
        "http://name:password@example.org/": "example.org",
        "android-app://org.example.app/": "org.example.app",
        "https://xn--bcher-kva.example/": "xn--bcher-kva.example",
        "https://bücher.example/": "",
        "javascript:alert(1)//example.org": "",
        "https://[::1": "",
        "https://<script>/": "",
        "example.org": "",
        f"https://{'a' * 250}.org/": "",
    }
    stored = {}
    for referrer in stored_by_referrer:
        clip = make_clip()
        http("GET", stream(clip), headers={"Referer": referrer.encode()})
        stored[referrer] = AudienceTally.objects.get(clip=clip).referrer
        assert PlayEvent.objects.get(clip=clip).referrer == stored[referrer]
    assert stored == stored_by_referrer


@pytest.mark.parametrize(
    ("query", "headers", "referrer"),
    [
        ("embedded_in=Blog.Example", {}, "blog.example"),
        ("download=1&embedded_in=xn--bcher-kva.example", {}, "xn--bcher-kva.example"),
        ("embedded_in=%3A%3A1", {}, "::1"),
        ("embedded_in=", {}, ""),
        ("embedded_in=other.example", {"Referer": "https://blog.example/"}, "blog.example"),
        ("embedded_in=other.example", {"Referer": "about:blank"}, ""),
    ],
)
def test_embedding_host_is_the_referrer_if_there_is_no_other(
    http: Http, clip: Clip, query: str, headers: dict[str, str], referrer: str
) -> None:
    assert http("GET", f"{stream(clip)}?{query}", headers=headers).status_code == 200
    assert PlayEvent.objects.get().referrer == referrer


@pytest.mark.parametrize(
    "value", ["https://blog.example", "blog.example/a", "blog.example:80", "a b", "ü", "a" * 254]
)
def test_malformed_embedding_host_is_refused(http: Http, clip: Clip, value: str) -> None:
    response = http("GET", stream(clip), params={"embedded_in": value})
    assert response.status_code == 400
    assert "Must be a host" in response.json()["embedded_in"][0]
    assert plays_of(clip) == 0


@pytest.mark.parametrize(
    "referrer", ["https://example.org/\0", "https://example.org/" + "a" * 10_000]
)
def test_malformed_or_oversized_referrer_is_refused(http: Http, clip: Clip, referrer: str) -> None:
    assert http("GET", stream(clip), headers={"Referer": referrer}).status_code in (400, 431)
    assert plays_of(clip) == 0


def test_hosts_beyond_the_limit_are_counted_as_other(http: Http, clip: Clip) -> None:
    day = datetime.now(UTC).date()
    AudienceTally.objects.bulk_create(
        AudienceTally(
            clip=clip, day=day, client=Client.OTHER, referrer=f"{n}.example", plays=1, listeners=0
        )
        for n in range(REFERRERS_KEPT)
    )
    for host in ("7.example", "new.example", "newer.example"):
        headers = {"Referer": f"https://{host}/", "User-Agent": "unknown"}
        http("GET", stream(clip), headers=headers)
    stored = PlayEvent.objects.order_by("id").values_list("referrer", flat=True)
    assert list(stored) == ["7.example", "(other)", "(other)"]
    tally = AudienceTally.objects.filter(referrer__in=["7.example", "(other)"])
    assert sorted(tally.values_list("referrer", "plays")) == [("(other)", 2), ("7.example", 2)]
    assert AudienceTally.objects.count() == REFERRERS_KEPT + 1


def test_client_family_is_stored(http: Http, make_clip: MakeClip) -> None:
    for agent, family in (
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "browser"),
        ("VLC/3.0.24 LibVLC/3.0.24", "player"),
        ("curl/7.88.1", "library"),
        ("unheard-of", "other"),
    ):
        clip = make_clip()
        http("GET", stream(clip), headers={"User-Agent": agent})
        assert PlayEvent.objects.get(clip=clip).client == family
        assert AudienceTally.objects.get(clip=clip).client == family
