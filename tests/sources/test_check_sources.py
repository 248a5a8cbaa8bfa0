"""`manage.py check_sources`: whether clips' sources still serve their audio."""

import os
import signal
import socket
import subprocess
import sys
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
from library.sources.checking.due import LOCK, due
from tests.support.clips import make
from tests.support.editors import bearer, editor

MakeClip = Callable[..., Clip]


@pytest.fixture
def make_clip(db: None) -> MakeClip:
    """Makes clips, in a transaction where a test needs no other connection."""
    return make


@pytest.fixture
def check(capfd: pytest.CaptureFixture[str], db: None) -> Callable[..., str]:
    """Runs the command without its pauses; returns what it printed."""

    def run(*options: str) -> str:
        call_command("check_sources", "--pause", "0", "--again-after", "0s", *options)
        return capfd.readouterr().out

    return run


def health(clip: Clip) -> tuple[str, str | None]:
    clip.refresh_from_db()
    return clip.health, clip.health_reason


def in_turn(*handlers: Handler) -> Handler:
    """Answers by one handler after the other, and by the last for ever."""
    left = iter(handlers[:-1])

    def handle(connection: socket.socket, request: str) -> None:
        next(left, handlers[-1])(connection, request)

    return handle


NOT_FOUND = answer(b"", "404 Not Found")


def test_health_is_noted_with_reason_time_type_and_size(
    check: Callable[..., str], make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    good = make_clip(audio_url=origin.on("/a", answer(mp3)), play_count=3)
    bad = make_clip(title="Gone", audio_url=origin.url("/gone"))
    printed = check()
    assert f"clip {bad.pk} “Gone” broken: The origin answered with the status 404." in printed
    assert "Checked 2: 1 ok, 1 failing (1 newly broken), 0 recovered." in printed
    assert health(good) == ("ok", None)
    assert (good.content_type, good.size_bytes, good.play_count) == ("audio/mpeg", len(mp3), 3)
    assert health(bad) == ("failing", "origin_http_error")
    assert good.health_since is not None
    assert good.health_since == good.health_checked_at
    assert origin.request_counts == {"/a": 1, "/gone": 2}


def test_time_is_of_the_state_and_not_of_the_look(
    check: Callable[..., str], make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    clip = make_clip(audio_url=origin.on("/a", NOT_FOUND))
    check()
    clip.refresh_from_db()
    since = clip.health_since
    origin.on("/a", answer(b"<html>"))
    assert "0 newly broken" in check()
    assert (health(clip), clip.health_since) == (("failing", "origin_not_audio"), since)
    origin.on("/a", answer(mp3))
    assert f"clip {clip.pk} “Ambient Sounds” recovered" in check()
    assert health(clip) == ("ok", None)
    assert since
    assert clip.health_since
    assert clip.health_since > since


def test_one_failure_alone_breaks_nothing(
    check: Callable[..., str], make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    clip = make_clip(audio_url=origin.on("/a", in_turn(NOT_FOUND, answer(mp3))), health="ok")
    check()
    assert health(clip) == ("ok", None)


def test_look_reads_the_beginning_alone(
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
    until(lambda: bool(sent))  # that nobody reads any more, its thread notes when it sends on
    assert sent[0] < 19_000_000


def test_size_that_no_header_tells_is_found_out_once(
    check: Callable[..., str], make_clip: MakeClip, origin: Origin, mp3: bytes
) -> None:
    body = f"{len(mp3):x}\r\n".encode() + mp3 + b"\r\n0\r\n\r\n"
    told = {"Content-Length": "", "Transfer-Encoding": "chunked"}
    clip = make_clip(audio_url=origin.on("/a", answer(body, headers=told)))
    check()
    check()
    clip.refresh_from_db()
    assert clip.size_bytes == len(mp3)
    assert origin.request_counts == {"/a": 3}


def test_uploads_are_looked_at_and_what_nobody_may_hear_is_not(
    check: Callable[..., str], make_clip: MakeClip, settings: object
) -> None:
    Path(settings.MEDIA_ROOT).mkdir(parents=True, exist_ok=True)  # type: ignore[attr-defined]
    sample, lost = make_clip(), make_clip(audio_file="uploads/lost.mp3", state="draft")
    hidden = [make_clip(deleted_at=timezone.now()), make_clip(state="withdrawn")]
    check()
    assert (health(sample), health(lost)) == (("ok", None), ("failing", "file_missing"))
    assert {health(clip) for clip in hidden} == {("unchecked", None)}


def test_other_source_that_an_editor_gives_meanwhile_is_not_judged(
    check: Callable[..., str], make_clip: MakeClip, origin: Origin, transactional_db: None
) -> None:
    def edit(answering: socket.socket, request: str) -> None:
        Clip.objects.update(audio_url="https://example.com/other.mp3")
        connection.close()
        NOT_FOUND(answering, request)

    clip = make_clip(audio_url=origin.on("/a", edit))
    assert "1 put off" in check()
    assert health(clip) == ("unchecked", None)


def test_host_that_is_asked_too_much_is_asked_later(
    check: Callable[..., str], make_clip: MakeClip, origin: Origin
) -> None:
    url = origin.on("/a", answer(b"", "429 Too Many Requests"))
    clips = [make_clip(audio_url=url, health="ok") for _ in range(3)]
    assert "Checked 0: 0 ok, 0 failing (0 newly broken), 0 recovered; 3 put off." in check()
    assert origin.request_counts == {"/a": 1}
    assert {health(clip) for clip in clips} == {("ok", None)}
    assert due(limit=9, not_since=timezone.now() - timedelta(hours=1)) == []


def test_health_changes_the_tag_and_not_the_version(
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


def test_never_looked_at_come_first_then_longest_ago(make_clip: MakeClip) -> None:
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
    assert [clip.pk for clip in due(limit=9)] == [never, three, two, one_hour_ago]
    assert [clip.pk for clip in due(limit=2)] == [never, three]
    older = due(limit=9, not_since=now - timedelta(minutes=90))
    assert [clip.pk for clip in older] == [never, three, two]
    assert [clip.pk for clip in due(limit=9, failing=True)] == [three, two]


def test_two_do_not_ask_the_same_hosts_at_once(
    check: Callable[..., str], make_clip: MakeClip
) -> None:
    clip = make_clip()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        with pytest.raises(CommandError, match="Another check_sources is at work"):
            check()
        assert "1 ok" in check("--clip", str(clip.pk))  # somebody waits for it
        cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    other.close()
    assert "1 ok" in check()


@pytest.mark.parametrize(
    ("options", "number", "status"),
    [([], signal.SIGINT, 130), (["--every", "1h"], signal.SIGTERM, 0)],
    ids=["once", "as a service"],
)
def test_what_was_found_before_the_end_is_kept(
    options: list[str],
    number: int,
    status: int,
    make_clip: MakeClip,
    origin: Origin,
    mp3: bytes,
    tmp_path: Path,
    transactional_db: None,
) -> None:
    asked, over = threading.Event(), threading.Event()

    def hang(answering: socket.socket, request: str) -> None:
        asked.set()
        over.wait(10)

    first = make_clip(audio_url=origin.on("/a", answer(mp3)))
    second = make_clip(audio_url=origin.on("/b", hang))
    alive = tmp_path / "alive"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "check_sources", "--alive-file", str(alive), *options],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "clips_site.settings",
            "POSTGRES_DB": connection.settings_dict["NAME"],
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    assert asked.wait(20)
    process.send_signal(number)
    printed, _ = process.communicate(timeout=20)
    over.set()
    assert process.returncode == status
    assert "Interrupted. Checked 1: 1 ok" in printed
    assert (health(first), health(second)) == (("ok", None), ("unchecked", None))
    assert alive.exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--clip", "4711"], "No clips, or deleted or withdrawn ones: 4711"),
        (["--limit", "0"], "0 is no whole number above 0"),
        (["--older-than", "soon"], "soon is no span of time, such as 90s, 15m, 24h or 7d"),
    ],
)
def test_wrong_option_is_refused_with_a_sentence(
    check: Callable[..., str], options: list[str], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        check(*options)
