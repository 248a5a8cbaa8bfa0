"""manage.py audio_store."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from pytest_django import Settings

from harness.origin import Origin, answer, await_downloads
from library.models import Clip
from library.sources.opening import audio_store

MakeClip = Callable[..., Clip]


@pytest.fixture(autouse=True)
def _own_store(settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.AUDIO_STORE_DIR = tmp_path / "store"
    audio_store.cache_clear()
    yield
    audio_store.cache_clear()


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_warm_fetches_every_clip_and_show_lists_them(
    make_clip: MakeClip, origin: Origin, mp3: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    urls = [origin.on(f"/{n}", answer(mp3)) for n in range(3)]
    for url in urls:
        make_clip(audio_url=url)
    make_clip()
    call_command("audio_store", "warm")
    await_downloads()
    call_command("audio_store")
    shown = printed(capsys)
    assert [url in shown for url in urls] == [True] * 3
    assert f"3 in {settings.AUDIO_STORE_DIR}: 1.3\xa0MB of 1.9\xa0GB" in shown


def test_warm_reports_a_failing_origin_and_continues(
    make_clip: MakeClip, origin: Origin, mp3: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = make_clip(audio_url=origin.url("/nothing"))
    make_clip(audio_url=origin.on("/a", answer(mp3)))
    with pytest.raises(CommandError, match="could not be fetched: 1"):
        call_command("audio_store", "warm")
    assert f"clip {failing.pk}: The origin responded with an error." in printed(capsys)
    assert origin.request_counts["/a"] == 1


def test_warm_fetches_one_clip(make_clip: MakeClip, origin: Origin, mp3: bytes) -> None:
    one, _ = (make_clip(audio_url=origin.on(f"/{n}", answer(mp3))) for n in range(2))
    call_command("audio_store", "warm", "--clip", str(one.pk))
    assert origin.request_counts == {"/0": 1}


def test_warm_rejects_an_unknown_clip(transactional_db: None) -> None:
    with pytest.raises(CommandError, match="without an audio URL: 99"):
        call_command("audio_store", "warm", "--clip", "99")


def test_prune_empties_the_store(
    make_clip: MakeClip, origin: Origin, mp3: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    make_clip(audio_url=origin.on("/a", answer(mp3)))
    call_command("audio_store", "warm")
    await_downloads()
    call_command("audio_store", "prune", "--max-bytes", "0")
    call_command("audio_store", "show")
    assert "1 removed" in printed(capsys)
    assert not list(settings.AUDIO_STORE_DIR.glob("*.audio"))


def test_unused_store_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("audio_store", "prune")
    call_command("audio_store", "show")
    assert "0 in" in printed(capsys)
