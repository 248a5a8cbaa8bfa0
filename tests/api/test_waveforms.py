"""Waveforms of clips: points, BBC audiowaveform, images, and how long they can be cached."""

import struct
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
import requests
from django.test import Client
from django.utils import timezone

from library.analyses.analysing import reason
from library.models import AudioAnalysis, Clip
from library.sound.waveform import Peaks, audiowaveform, points
from tests.support.analyses import SAMPLE, SAMPLES, analysed, not_analysed
from tests.support.recipes import make_clip

pytestmark = pytest.mark.django_db

KINDS = ("", ".svg", ".png")
IMMUTABLE = "public, max-age=31536000, immutable"
Http = Callable[..., requests.Response]
_AUDIO = (SAMPLES / SAMPLE).read_bytes()
FIRST_HALF = _AUDIO[: len(_AUDIO) // 2]


@pytest.fixture
def analysis(db: None) -> AudioAnalysis:
    return analysed(make_clip())


def path(analysis: AudioAnalysis, kind: str = "") -> str:
    return f"/api/v1/clips/{analysis.clip_id}/waveform{kind}"


def peaks(analysis: AudioAnalysis) -> Peaks:
    assert analysis.peaks
    return Peaks.from_bytes(bytes(analysis.peaks))


def test_points_cover_the_audio_and_name_it(client: Client, analysis: AudioAnalysis) -> None:
    for query, count in (("", 800), ("?points=50", 50), ("?points=4000", 4000)):
        shown = client.get(path(analysis) + query).json()
        assert list(shown) == [
            *("points", "duration", "sample_rate", "channels", "audio_etag", "data"),
        ]
        assert shown["points"] == count
        assert shown["data"] == points(peaks(analysis), count)
        assert len(shown["data"]) == 2 * count
        assert shown["duration"] == pytest.approx(28.5, abs=0.05)
        assert (shown["sample_rate"], shown["channels"]) == (44_100, 2)
        assert shown["audio_etag"] == analysis.audio_etag


def test_audiowaveform_is_that_of_the_peaks(client: Client, analysis: AudioAnalysis) -> None:
    shown = client.get(path(analysis) + "?format=audiowaveform&points=1000").json()
    assert shown == audiowaveform(peaks(analysis), 1000)
    assert shown["bits"] == 8  # peaks.js reads no others


@pytest.mark.parametrize(
    ("kind", "query", "name"),
    [
        ("", "points=49", "points"),
        ("", "points=4001", "points"),
        ("", "points=800.5", "points"),
        ("", "format=dat", "format"),
        ("", "width=100", "width"),
        (".svg", "color=%23ff0000", "color"),
        (".svg", 'color=red"/><script>', "color"),
        (".svg", "theme=sepia", "theme"),
        (".png", "width=4001", "width"),
        (".png", "height=15", "height"),
        (".png", "height=100000", "height"),
        (".png", "points=100", "points"),
    ],
)
def test_other_parameters_are_refused(
    client: Client, analysis: AudioAnalysis, kind: str, query: str, name: str
) -> None:
    response = client.get(f"{path(analysis, kind)}?{query}")
    assert response.status_code == 400
    assert list(response.json()) == [name, "codes"]


def pixels(image: bytes) -> tuple[int, int, list[list[int]], dict[bytes, bytes]]:
    """Return width, height, the colour of each pixel, and the chunks. Checks their sums."""
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    chunks = dict(_chunks(image[8:]))
    width, height, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert rest == [1, 3, 0, 0, 0]
    size = (width + 7) // 8 + 1
    data = zlib.decompress(chunks[b"IDAT"])
    assert len(data) == size * height
    rows = [data[at + 1 : at + size] for at in range(0, len(data), size)]
    shown = [[row[x // 8] >> (7 - x % 8) & 1 for x in range(width)] for row in rows]
    return width, height, shown, chunks


def _chunks(rest: bytes) -> Iterator[tuple[bytes, bytes]]:
    while rest:
        (length,) = struct.unpack_from(">I", rest)
        name, content = rest[4:8], rest[8 : 8 + length]
        assert struct.unpack_from(">I", rest, 8 + length) == (zlib.crc32(name + content),)
        yield name, content
        rest = rest[12 + length :]


def test_png_has_a_column_for_each_point(client: Client, analysis: AudioAnalysis) -> None:
    query = "?width=203&height=64&color=red&theme=dark"
    response = client.get(path(analysis, ".png") + query, HTTP_ACCEPT="text/html")
    assert response["Content-Type"] == "image/png"
    width, height, shown, chunks = pixels(response.content)
    assert (width, height) == (203, 64)
    assert chunks[b"PLTE"].hex() == "101418e0483e"
    assert b"tRNS" not in chunks
    values = points(peaks(analysis), 203)
    for x, (low, high) in enumerate(zip(values[::2], values[1::2], strict=True)):
        column = [y for y in range(height) if shown[y][x]]
        assert column == [*range(column[0], column[-1] + 1)]
        assert column[0] == pytest.approx((32_767 - high) / 65_535 * 63, abs=1)
        assert column[-1] == pytest.approx((32_767 - low) / 65_535 * 63, abs=1)
    transparent = pixels(client.get(path(analysis, ".png")).content)[3]
    assert transparent[b"tRNS"] == b"\0"


def test_svg_is_an_image_of_the_waveform(client: Client, analysis: AudioAnalysis) -> None:
    response = client.get(path(analysis, ".svg") + "?width=100&height=40&color=teal&theme=light")
    assert response["Content-Type"] == "image/svg+xml"
    root = ElementTree.fromstring(response.content)
    assert (root.get("width"), root.get("height")) == ("100", "40")
    background, shape = root
    assert (background.get("fill"), shape.get("fill")) == ("#ffffff", "#138f83")
    assert len((shape.get("points") or "").split()) == 200


@pytest.mark.parametrize("kind", KINDS)
def test_url_with_the_etag_can_be_cached_for_ever(
    client: Client, analysis: AudioAnalysis, kind: str
) -> None:
    plain = client.get(path(analysis, kind))
    assert plain["Cache-Control"] == "no-cache"
    assert plain["Cross-Origin-Resource-Policy"] == "cross-origin"
    for etag in (analysis.audio_etag, analysis.audio_etag.strip('"')):
        named = client.get(path(analysis, kind), {"etag": etag})
        assert (named.content, named["ETag"]) == (plain.content, plain["ETag"])
        assert named["Cache-Control"] == IMMUTABLE
        same = client.get(
            path(analysis, kind), {"etag": etag}, headers={"If-None-Match": plain["ETag"]}
        )
        assert (same.status_code, same["Cache-Control"]) == (304, IMMUTABLE)


@pytest.mark.parametrize("kind", KINDS)
def test_url_with_another_etag_leads_to_the_current_waveform(
    client: Client, analysis: AudioAnalysis, kind: str
) -> None:
    width = "points" if kind == "" else "width"
    response = client.get(path(analysis, kind), {width: "60", "etag": '"old"'})
    assert (response.status_code, response["Cache-Control"]) == (302, "no-cache")
    current = client.get(response["Location"])
    assert current["Cache-Control"] == IMMUTABLE
    assert current.content == client.get(path(analysis, kind), {width: "60"}).content


@pytest.mark.parametrize("kind", KINDS)
def test_failed_analysis_is_404_with_its_reason(client: Client, kind: str) -> None:
    clip = make_clip()
    not_analysed(clip, "too_long")
    response = client.get(f"/api/v1/clips/{clip.pk}/waveform{kind}")
    assert (response.status_code, response.json()["code"]) == (404, "not_analysed")
    assert "longer than an hour" in response.json()["detail"]


def without_a_row(clip: Clip) -> None:
    pass


def with_a_row_of_another_source(clip: Clip) -> None:
    analysed(clip, source="https://example.com/other.mp3")


def with_other_bytes(clip: Clip) -> None:
    analysed(clip)
    Clip.objects.update(audio={"etag": '"other"', "channels": 2})


def with_forgotten_facts(clip: Clip) -> None:
    analysed(clip)
    Clip.objects.update(audio=None)


def with_a_failure_that_may_pass(clip: Clip) -> None:
    not_analysed(clip, "decoder_killed")


@pytest.mark.parametrize(
    "prepare",
    [
        without_a_row,
        with_a_row_of_another_source,
        with_other_bytes,
        with_forgotten_facts,
        with_a_failure_that_may_pass,
    ],
)
def test_pending_analysis_is_503(client: Client, prepare: Callable[[Clip], None]) -> None:
    clip = make_clip()
    prepare(clip)
    response = client.get(f"/api/v1/clips/{clip.pk}/waveform")
    assert (response.status_code, response.json()["code"]) == (503, "analysis_pending")
    assert int(response["Retry-After"]) > 0


@pytest.mark.parametrize(("seconds", "expected"), [(300, 300), (-5, 10), (80_000, 3_600)])
def test_pending_response_names_the_obstacle_and_the_next_attempt(
    client: Client, seconds: int, expected: int
) -> None:
    clip = make_clip()
    AudioAnalysis.objects.create(
        clip=clip,
        obstacle="origin_timeout",
        next_attempt_at=timezone.now() + timedelta(seconds=seconds),
    )
    response = client.get(f"/api/v1/clips/{clip.pk}/waveform")
    assert (response.status_code, response.json()["code"]) == (503, "analysis_pending")
    assert int(response["Retry-After"]) == pytest.approx(expected, abs=20 if seconds == 300 else 0)
    assert reason("origin_timeout") in response.json()["detail"]


@pytest.mark.parametrize("obstacle", [None, "origin_timeout"])
def test_audio_that_is_not_analysed_soon_is_404(client: Client, obstacle: str | None) -> None:
    old = timezone.now() - timedelta(days=8)
    clip = make_clip(audio_url="https://example.com/never-stored.mp3", updated_at=old)
    if obstacle:
        AudioAnalysis.objects.create(clip=clip, obstacle=obstacle, next_attempt_at=old)
    response = client.get(f"/api/v1/clips/{clip.pk}/waveform")
    assert (response.status_code, response.json()["code"]) == (404, "not_analysed")
    assert "when the clip is played" in response.json()["detail"]
    assert "Retry-After" not in response


@pytest.mark.parametrize("kind", KINDS)
def test_hidden_clip_has_no_waveform(client: Client, analysis: AudioAnalysis, kind: str) -> None:
    Clip.objects.all().make_draft()
    assert client.get(path(analysis, kind)).json()["code"] == "not_found"
    Clip.objects.all().withdraw("Rights expired")
    assert client.get(path(analysis, kind)).json()["code"] == "clip_withdrawn"
    Clip.objects.all().mark_deleted()
    assert client.get(path(analysis, kind)).json()["code"] == "clip_deleted"
    assert client.get(f"/api/v1/clips/99/waveform{kind}").status_code == 404


def shown(http: Http, path: str, **headers: str) -> tuple[int, Any, bytes]:
    answer = http("GET", path, headers=headers)
    own = {"Date", "X-Request-ID", "RateLimit"}
    kept = {name: value for name, value in answer.headers.items() if name not in own}
    return answer.status_code, kept, answer.content


@pytest.mark.parametrize("kind", KINDS)
def test_kept_answer_is_that_of_django(http: Http, clip: Clip, kind: str) -> None:
    """A request with a cookie passes by the answers that the server keeps."""
    path = f"/api/v1/clips/{clip.pk}/waveform{kind}"
    assert http("GET", path).status_code == 503
    etag = analysed(clip).audio_etag
    for each in (path, f"{path}?etag={etag}"):
        first = shown(http, each)
        assert first[0] == 200
        assert [shown(http, each) for _ in range(8)] == [first] * 8
        assert shown(http, each, Cookie="a=b") == first
        old = {"If-None-Match": first[1]["ETag"]}
        assert {shown(http, each, **old)[0] for _ in range(8)} == {304}
    assert http("GET", f"/api/v1/clips/{clip.pk}/stream").status_code == 200
    assert shown(http, path)[0] == 200
    analysed(clip, FIRST_HALF)
    for _ in range(8):
        changed = shown(http, path)
        assert changed == shown(http, path, Cookie="a=b")
        assert changed[1]["ETag"] != old["If-None-Match"]
        assert shown(http, f"{path}?etag={etag}")[0] == 302
    Clip.objects.all().withdraw("Rights expired")
    assert {shown(http, path)[0] for _ in range(8)} == {410}
