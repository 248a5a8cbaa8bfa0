"""What is kept of a play beside its listener: where it is played, and by what kind of program."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import requests

from library.models import AudienceTally, Client, Clip, PlayEvent
from library.plays.record import REFERRERS_KEPT
from tests.support.plays import plays_of, stream

Ask = Callable[..., requests.Response]
MakeClip = Callable[..., Clip]


def test_referring_host_is_kept_or_nothing(http: Ask, make_clip: MakeClip) -> None:
    sent_and_kept = {
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
    kept = {}
    for referrer in sent_and_kept:
        clip = make_clip()
        http("GET", stream(clip), headers={"Referer": referrer.encode()})
        kept[referrer] = AudienceTally.objects.get(clip=clip).referrer
        assert PlayEvent.objects.get(clip=clip).referrer == kept[referrer]
    assert kept == sent_and_kept


@pytest.mark.parametrize(
    "referrer", ["https://example.org/\0", "https://example.org/" + "a" * 10_000]
)
def test_referrer_that_no_program_sends_is_refused(http: Ask, clip: Clip, referrer: str) -> None:
    assert http("GET", stream(clip), headers={"Referer": referrer}).status_code in (400, 431)
    assert plays_of(clip) == 0


def test_hosts_past_the_number_kept_are_told_as_one(http: Ask, clip: Clip) -> None:
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
    kept = PlayEvent.objects.order_by("id").values_list("referrer", flat=True)
    assert list(kept) == ["7.example", "(other)", "(other)"]
    tally = AudienceTally.objects.filter(referrer__in=["7.example", "(other)"])
    assert sorted(tally.values_list("referrer", "plays")) == [("(other)", 2), ("7.example", 2)]
    assert AudienceTally.objects.count() == REFERRERS_KEPT + 1


def test_kind_of_program_is_kept(http: Ask, make_clip: MakeClip) -> None:
    for agent, kept in (
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "browser"),
        ("VLC/3.0.24 LibVLC/3.0.24", "player"),
        ("curl/7.88.1", "library"),
        ("unheard-of", "other"),
    ):
        clip = make_clip()
        http("GET", stream(clip), headers={"User-Agent": agent})
        assert PlayEvent.objects.get(clip=clip).client == kept
        assert AudienceTally.objects.get(clip=clip).client == kept
