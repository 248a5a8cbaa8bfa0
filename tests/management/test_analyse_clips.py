"""`manage.py analyse_clips`: backfilling a library."""

import signal
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from harness.origin import Origin, answer
from harness.waiting import until
from library.models import AudioAnalysis, Clip
from tests.sound.signals import sine, wav
from tests.support.commands import manage

MakeClip = Callable[..., Clip]
Run = Callable[..., str]
SECOND = wav(sine(-20, 1))


@pytest.fixture
def analyse(capfd: pytest.CaptureFixture[str], transactional_db: None) -> Run:
    """Run the command and return its output."""

    def run(*options: str) -> str:
        call_command("analyse_clips", "--pause", "0", *options)
        return capfd.readouterr().out

    return run


def analysed() -> set[int]:
    return set(Clip.objects.filter(audio__isnull=False).values_list("pk", flat=True))


def test_next_run_continues(analyse: Run, make_clip: MakeClip) -> None:
    first, second = make_clip(), make_clip()
    assert analyse("--limit", "1").endswith("Analysed 1.\n")
    assert analysed() == {first.pk}
    assert analyse().endswith("Analysed 1.\n")
    assert analysed() == {first.pk, second.pk}
    assert analyse().endswith("Analysed 0.\n")


def test_audio_at_origins_is_left_unless_it_is_fetched(
    analyse: Run, make_clip: MakeClip, origin: Origin
) -> None:
    clip = make_clip(audio_url=origin.on("/a", answer(SECOND)))
    assert "Analysed 0. 1 are only at their origins: --fetch downloads them." in analyse()
    assert origin.request_counts == {}
    assert analyse("--fetch").endswith("Analysed 1.\n")
    assert analysed() == {clip.pk}


def test_failures_are_reported_and_tried_again_if_wanted(
    analyse: Run, make_clip: MakeClip, origin: Origin
) -> None:
    clip = make_clip(title="Gone", audio_url=origin.url("/gone"))
    printed = analyse("--fetch")
    assert f"clip {clip.pk} “Gone” unavailable: The origin responded with an error." in printed
    assert printed.endswith("Analysed 0, 1 unavailable.\n")
    origin.on("/gone", answer(SECOND))
    assert analyse("--fetch").endswith("Analysed 0.\n")  # it waits for its next attempt
    # The store remembers the failure for a moment.
    until(lambda: analyse("--fetch", "--failed").endswith("Analysed 1.\n"))
    assert analyse("--fetch", "--failed").endswith("Analysed 0.\n")


def test_current_analyses_are_repeated_oldest_first(analyse: Run, make_clip: MakeClip) -> None:
    first, second = make_clip(), make_clip()
    for clip in (second, first):
        analyse("--clip", str(clip.pk))
    assert analyse("--clip", str(first.pk)).endswith("Analysed 0, 1 current.\n")
    before = AudioAnalysis.objects.get(clip=first).analysed_at
    assert analyse("--again", "--limit", "1").endswith("Analysed 1.\n")
    assert AudioAnalysis.objects.get(clip=first).analysed_at == before
    assert AudioAnalysis.objects.get(clip=second).analysed_at > before


def test_missing_decoder_is_an_error(
    analyse: Run, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("library.sound.runner.sys.executable", "/nonexistent")
    make_clip()
    with pytest.raises(CommandError, match="The decoder could not be started"):
        analyse()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--clip", "4711"], "Clips not found or deleted: 4711"),
        (["--clip", "no"], "no is not a whole number above 0"),
        (["--clip", "1", "--limit", "1"], "Use either --clip or --limit."),
        (["--clip", "1", "--failed"], "Use either --clip or --failed."),
        (["--limit", "0"], "0 is not a whole number above 0"),
        (["--workers", "-1"], "-1 is not a whole number above 0"),
        (["--pause", "soon"], "soon is not a duration such as 90s"),
    ],
)
def test_invalid_option_is_an_error(analyse: Run, options: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        analyse(*options)


def test_interrupted_run_saves_what_it_has(
    make_clip: MakeClip, origin: Origin, transactional_db: None
) -> None:
    first = make_clip()
    make_clip(audio_url=origin.on("/b", lambda *_: command.send_signal(signal.SIGINT)))
    name = connection.settings_dict["NAME"]
    command = manage("analyse_clips", "--fetch", "--workers", "1", POSTGRES_DB=str(name))
    printed, _ = command.communicate(timeout=40)
    assert command.returncode == 130
    assert "Interrupted. Analysed 1" in printed
    assert analysed() == {first.pk}
