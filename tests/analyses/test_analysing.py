"""The analysis of one clip: what is saved, and when nothing is."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from harness.origin import Origin, answer
from library.analyses import analysing
from library.analyses.analysing import Audio, Kind, Result, analyse_clip
from library.audio.errors import AudioUnavailableError
from library.models import AudioAnalysis, Clip
from library.sound import engine
from library.sources.opening import audio_store, open_audio
from library.tasks.analyses import request_analyses
from tests.settings import LOCAL
from tests.sound.signals import sine, wav
from tests.support import recipes

ETAGGED = {"ETag": '"one"'}


@pytest.fixture
def file(db: None) -> Path:
    """An upload of a second of sound."""
    path = LOCAL / "media" / "uploads" / "second.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav(sine(-20, 1)))
    return path


@pytest.fixture
def upload(file: Path) -> Clip:
    return recipes.make_clip(audio_file="uploads/second.wav", duration=1)


def facts_of(clip: Clip) -> Any:
    clip.refresh_from_db()
    return clip.audio


def analysis_of(clip: Clip) -> AudioAnalysis:
    return AudioAnalysis.objects.get(clip=clip)


def etag_of(clip: Clip) -> str:
    audio = open_audio(clip)
    audio.close()
    return audio.etag


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The media types of the files that were decoded since."""
    seen: list[str] = []
    analyse = engine.analyse

    def counted(audio: Any, content_type: str) -> Any:
        seen.append(content_type)
        return analyse(audio, content_type)

    monkeypatch.setattr(analysing, "analyse", counted)
    return seen


def test_facts_of_an_upload_are_saved(upload: Clip) -> None:
    before = upload.updated_at
    assert analyse_clip(upload.pk, Audio.STORED) == Result(Kind.ANALYSED)
    facts = facts_of(upload)
    loudness, true_peak = facts.pop("loudness"), facts.pop("true_peak")
    assert (loudness, true_peak) == (pytest.approx(-20, abs=0.1), pytest.approx(-20, abs=0.1))
    gain = facts.pop("gain")
    assert gain == pytest.approx({"-14": -14 - loudness, "-18": -18 - loudness}, abs=0.01)
    assert facts.pop("leading_silence") == pytest.approx(0, abs=0.01)
    assert facts.pop("trailing_silence") == pytest.approx(0, abs=0.01)
    assert facts.pop("bit_rate") == pytest.approx(1_536_000, rel=0.01)
    assert facts == {
        "etag": etag_of(upload),
        "container": "wav",
        "codec": "pcm_s16le",
        "lossless": True,
        "duration": 1.0,
        "sample_rate": 48_000,
        "channels": 2,
        "loudness_range": None,
        "clippings": 0,
        "truncated": False,
        "damaged_packets": 0,
    }
    assert upload.updated_at == before
    analysis = analysis_of(upload)
    assert (analysis.source, analysis.failure) == ("uploads/second.wav", None)
    assert analysis.peaks is not None


def test_current_analysis_is_not_repeated(upload: Clip, decodes: list[str]) -> None:
    analyse_clip(upload.pk, Audio.STORED)
    assert analyse_clip(upload.pk, Audio.STORED).kind == Kind.CURRENT
    assert decodes == ["audio/wav"]
    assert analyse_clip(upload.pk, Audio.STORED, again=True).kind == Kind.ANALYSED
    assert len(decodes) == 2


@pytest.mark.parametrize("touched", [False, True])
def test_source_that_is_changed_back_gets_its_facts_again(
    upload: Clip, file: Path, touched: bool
) -> None:
    analyse_clip(upload.pk, Audio.STORED)
    facts = facts_of(upload)
    upload.forget_audio()  # when an editor changes the source, and again when it is changed back
    upload.save()
    if touched:
        os.utime(file, (1, 1))
    assert Clip.objects.needing_analysis().get() == upload
    assert analyse_clip(upload.pk, Audio.STORED).kind == Kind.ANALYSED
    assert facts_of(upload) == facts | {"etag": etag_of(upload)}
    assert not Clip.objects.needing_analysis().exists()


def test_other_bytes_in_the_same_file_are_analysed(upload: Clip, file: Path) -> None:
    analyse_clip(upload.pk, Audio.STORED)
    file.write_bytes(wav(sine(-30, 2)))
    assert analyse_clip(upload.pk, Audio.STORED).kind == Kind.ANALYSED
    facts = facts_of(upload)
    assert (facts["duration"], facts["etag"]) == (2.0, etag_of(upload))


def test_equal_bytes_with_another_etag_only_move_the_etag(
    upload: Clip, file: Path, decodes: list[str]
) -> None:
    analyse_clip(upload.pk, Audio.STORED)
    before = facts_of(upload)
    os.utime(file, (1, 1))
    assert analyse_clip(upload.pk, Audio.STORED).kind == Kind.CURRENT
    assert len(decodes) == 1
    after = facts_of(upload)
    assert after == before | {"etag": etag_of(upload)}
    assert after["etag"] != before["etag"]
    assert analysis_of(upload).audio_etag == after["etag"]


def test_reason_of_a_final_failure_is_saved_and_the_file_not_decoded_again(
    upload: Clip, file: Path, decodes: list[str]
) -> None:
    analyse_clip(upload.pk, Audio.STORED)
    file.write_bytes(wav(sine(-20, 1, channels=9)))
    result = analyse_clip(upload.pk, Audio.STORED)
    assert result == Result(Kind.NOT_DECODABLE, "unsupported_layout")
    assert facts_of(upload) is None
    analysis = analysis_of(upload)
    assert (analysis.failure, analysis.peaks) == ("unsupported_layout", None)
    decoded = len(decodes)
    assert analyse_clip(upload.pk, Audio.STORED).kind == Kind.CURRENT
    os.utime(file, (1, 1))
    assert analyse_clip(upload.pk, Audio.STORED).kind == Kind.CURRENT
    assert len(decodes) == decoded
    assert analysis_of(upload).audio_etag == etag_of(upload)


def test_interrupted_decoder_leaves_no_result_and_a_time_for_the_next_attempt(
    upload: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("library.sound.runner.sys.executable", "/nonexistent")
        result = analyse_clip(upload.pk, Audio.STORED)
    assert result == Result(Kind.INTERRUPTED, "decoder_unavailable")
    assert facts_of(upload) is None
    first = analysis_of(upload)
    assert (first.source, first.failure, first.obstacle) == ("", None, "decoder_unavailable")
    assert not Clip.objects.needing_analysis().exists()
    AudioAnalysis.objects.update(next_attempt_at=timezone.now())
    assert Clip.objects.needing_analysis().get() == upload
    assert analyse_clip(upload.pk, Audio.STORED).kind == Kind.ANALYSED
    then = analysis_of(upload)
    assert (then.obstacle, then.attempts, then.next_attempt_at) == (None, 0, None)


def test_pauses_between_attempts_grow(upload: Clip, file: Path) -> None:
    file.unlink()
    pauses = []
    for _ in range(12):
        assert analyse_clip(upload.pk, Audio.FETCHED) == Result(Kind.UNAVAILABLE, "file_missing")
        at = analysis_of(upload).next_attempt_at
        assert at
        pauses.append(round((at - timezone.now()).total_seconds() / 60))
    assert pauses[:5] == [1, 4, 16, 64, 256]
    assert set(pauses[6:]) == {24 * 60}


def test_audio_of_an_origin_is_fetched_into_the_store_only_if_wanted(
    db: None, origin: Origin
) -> None:
    url = origin.on("/a", answer(wav(sine(-20, 1)), headers=ETAGGED))
    clip = recipes.make_clip(audio_url=url)
    assert analyse_clip(clip.pk, Audio.STORED).kind == Kind.NOT_STORED
    assert origin.request_counts == {}
    assert analyse_clip(clip.pk, Audio.FETCHED).kind == Kind.ANALYSED
    facts = facts_of(clip)
    assert facts["etag"] == etag_of(clip)  # of the stored audio
    assert origin.request_counts == {"/a": 1}
    assert audio_store().holds(url)


def test_audio_that_ends_early_is_unavailable(db: None, origin: Origin) -> None:
    headers = {"Content-Length": "999999"}
    url = origin.on("/a", answer(wav(sine(-20, 1)), headers=headers))
    clip = recipes.make_clip(audio_url=url)
    assert analyse_clip(clip.pk, Audio.FETCHED) == Result(Kind.UNAVAILABLE, "origin_truncated")
    assert facts_of(clip) is None


def change_during_decoding(monkeypatch: pytest.MonkeyPatch, change: Callable[[], object]) -> None:
    """Let something change once, between decoding and saving."""
    analyse, changes = engine.analyse, [change]

    def slow(audio: Any, content_type: str) -> Any:
        found = analyse(audio, content_type)
        if changes:
            changes.pop()()
        return found

    monkeypatch.setattr(analysing, "analyse", slow)


def test_source_that_an_editor_changes_meanwhile_is_analysed_instead(
    upload: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edit() -> None:
        Clip.objects.update(audio_file="samples/ambient-sounds.mp3")

    change_during_decoding(monkeypatch, edit)
    assert analyse_clip(upload.pk, Audio.STORED).kind == Kind.ANALYSED
    assert facts_of(upload)["codec"] == "mp3"
    assert analysis_of(upload).source == "samples/ambient-sounds.mp3"


def test_bytes_that_change_meanwhile_are_analysed_instead(
    upload: Clip, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace() -> None:
        other = file.with_name("other.wav")
        other.write_bytes(wav(sine(-30, 2)))
        other.rename(file)

    change_during_decoding(monkeypatch, replace)
    assert analyse_clip(upload.pk, Audio.STORED).kind == Kind.ANALYSED
    facts = facts_of(upload)
    assert (facts["duration"], facts["etag"]) == (2.0, etag_of(upload))


def test_audio_that_changes_all_the_time_is_tried_again_later(
    upload: Clip, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyse = engine.analyse

    def changing(audio: Any, content_type: str) -> Any:
        found = analyse(audio, content_type)
        other = file.with_name("other.wav")
        other.write_bytes(file.read_bytes())
        other.rename(file)
        return found

    monkeypatch.setattr(analysing, "analyse", changing)
    assert analyse_clip(upload.pk, Audio.STORED) == Result(Kind.CHANGED, "audio_changed")
    analysis = analysis_of(upload)
    assert (analysis.obstacle, analysis.attempts) == ("audio_changed", 1)
    assert analysis.next_attempt_at is not None
    monkeypatch.undo()
    assert analyse_clip(upload.pk, Audio.STORED).kind == Kind.ANALYSED


def test_attempts_of_a_source_do_not_postpone_the_next_one(
    upload: Clip, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.unlink()
    analyse_clip(upload.pk, Audio.STORED)
    assert not Clip.objects.needing_analysis().exists()
    request_analyses([upload.pk])
    assert Clip.objects.needing_analysis().get() == upload
    assert analysis_of(upload).attempts == 0

    def edited(clip: Clip, *, current: bool) -> None:
        Clip.objects.update(audio_file="samples/ambient-sounds.mp3")
        raise AudioUnavailableError("file_missing")

    monkeypatch.setattr(analysing, "open_audio", edited)
    assert analyse_clip(upload.pk, Audio.FETCHED).kind == Kind.UNAVAILABLE  # of the new source
    assert analysis_of(upload).attempts == 1


def test_clip_that_is_deleted_meanwhile_gets_no_analysis(
    upload: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_during_decoding(monkeypatch, lambda: Clip.objects.all().mark_deleted())
    assert analyse_clip(upload.pk, Audio.STORED).kind == Kind.GONE
    assert not AudioAnalysis.objects.exists()


def test_audio_that_the_store_loses_meanwhile_keeps_its_analysis(
    db: None, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = recipes.make_clip(audio_url=origin.on("/a", answer(wav(sine(-20, 1)))))
    change_during_decoding(monkeypatch, lambda: shutil.rmtree(audio_store().folder))
    assert analyse_clip(clip.pk, Audio.FETCHED).kind == Kind.ANALYSED


def test_silence_and_short_audio_have_no_loudness(upload: Clip, file: Path) -> None:
    file.write_bytes(wav(sine(-200, 0.2)))
    analyse_clip(upload.pk, Audio.STORED)
    facts = facts_of(upload)
    assert [facts[name] for name in ("loudness", "loudness_range", "true_peak")] == [None] * 3
    assert facts["gain"] == {"-14": None, "-18": None}


def test_clips_that_need_an_analysis(upload: Clip) -> None:
    other = recipes.make_clip()
    recipes.make_clip(deleted_at=timezone.now())
    recipes.make_clip(state="withdrawn")
    analyse_clip(upload.pk, Audio.STORED)
    assert [clip.pk for clip in Clip.objects.needing_analysis()] == [other.pk]
    Clip.objects.filter(pk=upload.pk).update(audio_file="uploads/other.wav")
    assert {clip.pk for clip in Clip.objects.needing_analysis()} == {other.pk, upload.pk}


def test_every_reason_has_a_sentence() -> None:
    for code in ("damaged", "origin_timeout", "file_missing"):
        assert analysing.reason(code).endswith(".")
