"""`manage.py check_sources`: the health of clips' sources."""

import errno
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from harness.origin import Handler, Origin, answer
from harness.service import ROOT
from harness.waiting import until
from library.models import Clip, Health
from library.sources.due_clips import due_clips
from library.sources.rounds import LOCK
from tests.support import recipes
from tests.support.editors import bearer, editor
from tests.support.sounds import FTYP, MP3_FRAME, box, movie, mp4, track, xing

MakeClip = Callable[..., Clip]


@pytest.fixture
def make_clip(db: None) -> MakeClip:
    """Create clips, in a transaction if the test needs no other connection."""
    return recipes.make_clip


@pytest.fixture
def check(capfd: pytest.CaptureFixture[str], db: None) -> Callable[..., str]:
    """Run the command without pauses and return its output."""

    def run(*options: str) -> str:
        call_command("check_sources", "--pause", "0", "--again-after", "0s", *options)
        return capfd.readouterr().out

    return run


def health(clip: Clip) -> tuple[str, str | None]:
    clip.refresh_from_db()
    return clip.health, clip.health_reason


def in_turn(*handlers: Handler) -> Handler:
    """Handle each request with the next handler, and all further requests with the last."""
    left = iter(handlers[:-1])

    def handle(connection: socket.socket, request: str) -> None:
        next(left, handlers[-1])(connection, request)

    return handle


NOT_FOUND = answer(b"", "404 Not Found")


def test_health_reason_time_type_and_size_are_saved(
    check: Callable[..., str], make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    good = make_clip(audio_url=origin.on("/a", answer(mp3)), play_count=3)
    bad = make_clip(title="Gone", audio_url=origin.url("/gone"))
    printed = check()
    assert f"clip {bad.pk} “Gone” broken: The origin responded with status 404." in printed
    assert "Checked 2: 1 ok, 1 failing (1 newly broken), 0 recovered." in printed
    assert health(good) == ("ok", None)
    assert (good.content_type, good.size_bytes, good.play_count) == ("audio/mpeg", len(mp3), 3)
    assert health(bad) == ("failing", "origin_http_error")
    assert good.health_since is not None
    assert good.health_since == good.health_checked_at
    assert origin.request_counts == {"/a": 1, "/gone": 2}


def test_codecs_that_browsers_do_not_play_and_video_are_reported(
    check: Callable[..., str], make_clip: MakeClip, origin: Origin
) -> None:
    index = movie(track(b"vide", b"avc1"))
    video = origin.on("/video", answer(FTYP + box(b"mdat", bytes(200_000)) + index))
    clips = [
        make_clip(audio_url=url)
        for url in (origin.on("/alac", answer(mp4(track(codec=b"alac")))), video)
    ]
    printed = check()
    assert "broken: This is ALAC (Apple Lossless) audio, which few browsers play." in printed
    assert "broken: This file has video." in printed
    reasons = [health(clip) for clip in clips]
    assert reasons == [("failing", "origin_codec"), ("failing", "origin_video")]


def test_whole_check_warns_of_truncated_audio(
    check: Callable[..., str], make_clip: MakeClip, origin: Origin
) -> None:
    clip = make_clip(audio_url=origin.on("/a", answer(xing(1000) + MP3_FRAME * 100)))
    assert "truncated" not in check()
    printed = check("--whole")
    assert f"clip {clip.pk} “Ambient Sounds” This file is truncated: its header says" in printed
    assert health(clip) == ("ok", None)


def test_health_since_is_the_time_of_the_last_change(
    check: Callable[..., str], make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    clip = make_clip(audio_url=origin.on("/a", NOT_FOUND))
    check()
    clip.refresh_from_db()
    since = clip.health_since
    origin.on("/a", answer(b"<html>"))
    assert "0 newly broken" in check()
    assert (health(clip), clip.health_since) == (("failing", "origin_web_page"), since)
    origin.on("/a", answer(mp3))
    assert f"clip {clip.pk} “Ambient Sounds” recovered" in check()
    assert health(clip) == ("ok", None)
    assert since
    assert clip.health_since
    assert clip.health_since > since


def test_single_failure_is_ignored(
    check: Callable[..., str], make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    clip = make_clip(audio_url=origin.on("/a", in_turn(NOT_FOUND, answer(mp3))), health="ok")
    check()
    assert health(clip) == ("ok", None)


def test_check_reads_only_the_beginning(
    check: Callable[..., str], make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    sent: list[int] = []

    def handle(connection: socket.socket, request: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 19999999\r\n\r\n" + mp3[:16384])
        total = 0
        try:
            while total < 19_000_000:
                total += connection.send(bytes(65536))
        finally:
            sent.append(total)

    clip = make_clip(audio_url=origin.on("/a", handle))
    check()
    assert health(clip) == ("ok", None)
    assert clip.size_bytes == 19_999_999
    until(lambda: bool(sent))  # the handler notices the closed connection when it sends again
    assert sent[0] < 19_000_000


def test_size_without_content_length_is_measured_once(
    check: Callable[..., str], make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    body = f"{len(mp3):x}\r\n".encode() + mp3 + b"\r\n0\r\n\r\n"
    chunked = {"Content-Length": "", "Transfer-Encoding": "chunked"}
    clip = make_clip(audio_url=origin.on("/a", answer(body, headers=chunked)))
    check()
    check()
    clip.refresh_from_db()
    assert clip.size_bytes == len(mp3)
    assert origin.request_counts == {"/a": 3}


def test_uploads_are_checked_but_deleted_and_withdrawn_clips_are_not(
    check: Callable[..., str], make_clip: MakeClip, settings: object
) -> None:
    Path(settings.MEDIA_ROOT).mkdir(parents=True, exist_ok=True)  # type: ignore[attr-defined]
    sample, lost = make_clip(), make_clip(audio_file="uploads/lost.mp3", state="draft")
    hidden = [make_clip(deleted_at=timezone.now()), make_clip(state="withdrawn")]
    check()
    assert (health(sample), health(lost)) == (("ok", None), ("failing", "file_missing"))
    assert {health(clip) for clip in hidden} == {("unchecked", None)}


def test_result_is_discarded_if_an_editor_has_changed_the_source(
    check: Callable[..., str], make_clip: MakeClip, origin: Origin, transactional_db: None
) -> None:
    def edit(answering: socket.socket, request: str) -> None:
        Clip.objects.update(audio_url="https://example.com/other.mp3")
        connection.close()
        NOT_FOUND(answering, request)

    clip = make_clip(audio_url=origin.on("/a", edit))
    assert "1 postponed" in check()
    assert health(clip) == ("unchecked", None)


def test_host_that_responds_with_429_is_postponed(
    check: Callable[..., str], make_clip: MakeClip, origin: Origin
) -> None:
    url = origin.on("/a", answer(b"", "429 Too Many Requests"))
    clips = [make_clip(audio_url=url, health="ok") for _ in range(3)]
    assert "Checked 0: 0 ok, 0 failing (0 newly broken), 0 recovered; 3 postponed." in check()
    assert origin.request_counts == {"/a": 1}
    assert {health(clip) for clip in clips} == {("ok", None)}
    assert due_clips(limit=9, not_since=timezone.now() - timedelta(hours=1)) == []


def test_clip_is_postponed_while_the_disk_here_is_full(
    check: Callable[..., str],
    make_clip: MakeClip,
    origin: Origin,
    mp3: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    clip = make_clip(audio_url=origin.on("/a", answer(mp3)), health="ok")
    assert "1 postponed" in check()
    assert health(clip) == ("ok", None)


def test_health_changes_the_etag_but_not_the_version(
    check: Callable[..., str], make_clip: MakeClip, origin: Origin, client: Client
) -> None:
    path = f"/api/v1/clips/{make_clip(audio_url=origin.url('/gone')).pk}"
    tag = client.get(path)["ETag"]
    check()
    shown = client.get(path, headers={"If-None-Match": tag})
    assert shown.json()["health"]["reason"] == "origin_http_error"
    headers = {"If-Match": tag, **bearer(editor())}
    changed = client.patch(path, {"title": "Other"}, "application/json", headers=headers)
    assert changed.status_code == 200


def test_unchecked_clips_are_due_first_then_those_checked_longest_ago(make_clip: MakeClip) -> None:
    now = timezone.now()
    made = [
        make_clip(audio_url="https://example.com/a", health=state, health_checked_at=checked)
        for state, checked in (
            (Health.OK, now - timedelta(hours=1)),
            (Health.FAILING, now - timedelta(hours=3)),
            (Health.UNCHECKED, None),
            (Health.FAILING, now - timedelta(hours=2)),
        )
    ]
    one_hour_ago, three, never, two = (clip.pk for clip in made)
    assert [clip.pk for clip in due_clips(limit=9)] == [never, three, two, one_hour_ago]
    assert [clip.pk for clip in due_clips(limit=2)] == [never, three]
    older = due_clips(limit=9, not_since=now - timedelta(minutes=90))
    assert [clip.pk for clip in older] == [never, three, two]
    assert [clip.pk for clip in due_clips(limit=9, failing=True)] == [three, two]


def test_concurrent_checks_are_refused(check: Callable[..., str], make_clip: MakeClip) -> None:
    clip = make_clip()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        with pytest.raises(CommandError, match="Another check_sources is running: “"):
            check()
        assert "1 ok" in check("--clip", str(clip.pk))  # runs at once, without the lock
        cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    other.close()
    assert "1 ok" in check()


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_results_before_an_interruption_are_saved(
    number: int,
    status: int,
    make_clip: MakeClip,
    origin: Origin,
    mp3: bytes,
    transactional_db: None,
) -> None:
    requested, over = threading.Event(), threading.Event()

    def hang(answering: socket.socket, request: str) -> None:
        requested.set()
        over.wait(10)

    first = make_clip(audio_url=origin.on("/a", answer(mp3)))
    second = make_clip(audio_url=origin.on("/b", hang))
    process = subprocess.Popen(
        [sys.executable, "manage.py", "check_sources"],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "clips_site.settings",
            "POSTGRES_DB": connection.settings_dict["NAME"],
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    assert requested.wait(20)
    process.send_signal(number)
    printed, _ = process.communicate(timeout=20)
    over.set()
    assert process.returncode == status
    assert "Interrupted. Checked 1: 1 ok" in printed
    assert (health(first), health(second)) == (("ok", None), ("unchecked", None))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--clip", "4711"], "Clips not found, deleted or withdrawn: 4711"),
        (["--limit", "0"], "0 is not a whole number above 0"),
        (["--older-than", "soon"], "soon is not a duration such as 90s, 15m, 24h or 7d"),
    ],
)
def test_invalid_option_is_an_error(
    check: Callable[..., str], options: list[str], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        check(*options)
