"""Previews in all formats: length, loudness, fades."""

import io
from typing import Any

import numpy as np
import pytest

from library.audio.sniff import audio_type
from library.sound.analysis import Analysis
from library.sound.decoder.measure import measure
from library.sound.engine import render
from library.sound.failures import Failure
from library.sound.formats import FORMATS
from library.sound.limits import RENDERING
from library.sound.loudness import TRUE_PEAK_LIMIT
from library.sound.rendition import ENCODINGS, Rendered, Rendition
from library.sound.waveform import points
from tests.sound.signals import Signal, noise, sequence, silence, sine, wav
from tests.sound.temporary import temporary


def made(signal: Signal, rendition: Rendition, rate: int = 48_000) -> tuple[Rendered, Analysis]:
    """Return a rendition's report and an analysis of what was written."""
    with temporary(wav(signal, rate)) as audio, temporary() as output:
        rendered = render(audio, "audio/wav", rendition, output)
        assert isinstance(rendered, Rendered), rendered
        output.seek(0)
        assert audio_type(output.read(8192)) == rendition.content_type
        output.seek(0)
        return rendered, Analysis.from_report(measure(output, FORMATS[rendition.content_type]))


@pytest.mark.processes
@pytest.mark.parametrize(
    ("form", "rate"), [("mp3", 44_100), ("mp3", 48_000), ("opus", 44_100), ("aac", 48_000)]
)
def test_excerpt_of_two_seconds_lasts_two_seconds(form: Any, rate: int) -> None:
    rendition = Rendition(form, "low", start=0.5, length=2.0)
    rendered, analysis = made(noise(4, rate=rate), rendition, rate)
    assert (rendered.duration, analysis.duration) == (2.0, 2.0)
    assert not analysis.truncated


@pytest.mark.processes
@pytest.mark.parametrize("form", ["mp3", "opus", "aac"])
def test_sound_keeps_its_place(form: Any) -> None:
    signal = sequence(silence(1), sine(-6, 0.5), silence(1.5))
    _, analysis = made(signal, Rendition(form, start=0.5, length=2.0))
    highest = points(analysis.peaks, 200)[1::2]  # 10 ms each
    assert max(highest[:47]) < 2_000
    assert min(highest[52:98]) > 12_000
    assert max(highest[103:]) < 2_000


@pytest.mark.processes
@pytest.mark.parametrize(("form", "target"), [("mp3", -14.0), ("opus", -18.0), ("aac", -18.0)])
def test_loudness_reaches_the_target(form: Any, target: float) -> None:
    rendered, analysis = made(sine(-30, 1), Rendition(form, target=target))
    assert analysis.loudness == pytest.approx(target, abs=0.15)
    assert rendered.loudness == pytest.approx(analysis.loudness, abs=0.01)
    assert rendered.gain == pytest.approx(target + 30, abs=0.3)


@pytest.mark.processes
@pytest.mark.parametrize("form", ["mp3", "opus", "aac"])
def test_true_peak_stays_below_the_limit(form: Any) -> None:
    clicks = noise(1, dbfs=-40)
    clicks[:, ::8_000] = 0.9  # quiet, with high peaks
    _, analysis = made(clicks, Rendition(form, "low", target=-14.0))
    assert analysis.true_peak is not None
    assert TRUE_PEAK_LIMIT - 5 < analysis.true_peak <= TRUE_PEAK_LIMIT
    assert (analysis.loudness or 0) < -20


@pytest.mark.processes
def test_loudness_is_left_alone_without_a_target() -> None:
    rendered, analysis = made(sine(-12, 2), Rendition("opus"))
    assert rendered.gain == 0
    assert analysis.loudness == pytest.approx(-12, abs=0.1)


@pytest.mark.processes
def test_fades_rise_and_fall() -> None:
    rendition = Rendition("opus", start=1.0, length=2.0, fade_in=0.5, fade_out=1.0)
    _, analysis = made(sine(-6, 4), rendition)
    highest = points(analysis.peaks, 200)[1::2]
    full = max(highest)
    assert highest[0] < 0.05 * full
    assert highest[25] == pytest.approx(0.5 * full, rel=0.1)
    assert highest[150] == pytest.approx(0.5 * full, rel=0.1)
    assert highest[-1] < 0.05 * full


@pytest.mark.processes
def test_excerpt_ends_with_the_audio() -> None:
    rendition = Rendition("mp3", start=1.5, length=30.0, fade_in=1.0, fade_out=1.0)
    rendered, _ = made(noise(2), rendition)
    assert rendered.duration == pytest.approx(0.5)


@pytest.mark.processes
@pytest.mark.parametrize(
    ("channels", "expected", "rate", "expected_rate"),
    [
        (1, 1, 8_000, 48_000),
        (2, 2, 96_000, 48_000),
        (6, 2, 22_050, 44_100),
        (8, 2, 192_000, 48_000),
    ],
)
def test_source_of_any_form(channels: int, expected: int, rate: int, expected_rate: int) -> None:
    signal = noise(0.5, channels=channels, rate=rate)
    rendered, _ = made(signal, Rendition("mp3"), rate)
    assert (rendered.channels, rendered.sample_rate) == (expected, expected_rate)
    assert rendered.duration == pytest.approx(0.5, abs=0.001)


@pytest.mark.processes
def test_source_that_changes_its_form_is_converted() -> None:
    joined = b""
    for channels, rate in ((2, 44_100), (1, 48_000), (2, 48_000)):
        original = wav(noise(1, channels=channels, rate=rate), rate)
        with temporary(original) as audio, temporary() as output:
            assert isinstance(render(audio, "audio/wav", Rendition("mp3"), output), Rendered)
            output.seek(0)
            joined += output.read()
    analysis = Analysis.from_report(measure(io.BytesIO(joined), FORMATS["audio/mpeg"]))
    assert analysis.channels == 2
    assert analysis.duration == pytest.approx(3, abs=0.15)  # with the joined files' padding
    assert not analysis.truncated


@pytest.mark.processes
def test_high_quality_takes_more_bytes() -> None:
    signal = noise(2)
    low, high = (made(signal, Rendition("mp3", quality))[0] for quality in ("low", "high"))
    assert high.size > 1.8 * low.size
    assert low.bit_rate == pytest.approx(ENCODINGS["mp3"].low, rel=0.05)


@pytest.mark.processes
def test_index_of_mp4_is_at_the_front() -> None:
    with temporary(wav(noise(5))) as audio, temporary() as output:
        assert isinstance(render(audio, "audio/wav", Rendition("aac"), output), Rendered)
        output.seek(0)
        written = output.read()
    assert 0 < written.index(b"moov") < written.index(b"mdat")


@pytest.mark.processes
def test_start_after_the_end_is_refused() -> None:
    with temporary(wav(noise(1))) as audio, temporary() as output:
        result = render(audio, "audio/wav", Rendition("mp3", start=2.0), output)
    assert result == Failure("beyond_end")


@pytest.mark.processes
def test_size_of_the_output_is_limited() -> None:
    limits = RENDERING._replace(output_bytes=10_000)
    with temporary(wav(noise(2))) as audio, temporary() as output:
        result = render(audio, "audio/wav", Rendition("mp3"), output, limits)
        size = output.seek(0, 2)
    assert result == Failure("output_too_large")
    assert size <= 10_000


@pytest.mark.processes
def test_silence_is_rendered_unchanged() -> None:
    rendered, _ = made(np.zeros((2, 48_000)), Rendition("mp3", target=-14.0))
    assert (rendered.gain, rendered.loudness) == (0, None)


@pytest.mark.parametrize(
    "values",
    [
        {"format": "flac"},
        {"quality": "best"},
        {"start": -1.0},
        {"start": float("nan")},
        {"length": 0.0},
        {"length": float("inf")},
        {"fade_in": -0.1},
        {"fade_out": 11.0},
        {"length": 5.0, "fade_in": 3.0, "fade_out": 3.0},
        {"target": 1.0},
        {"target": float("nan")},
    ],
)
def test_impossible_renditions_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Rendition(**{"format": "mp3"} | values)


@pytest.mark.parametrize(
    "change",
    [
        {"duration": 0},
        {"duration": True},
        {"sample_rate": 48_000.5},
        {"channels": 0},
        {"bit_rate": 10**12},
        {"loudness": "loud"},
        {"gain": None},
        {"gain": float("inf")},
        {"size": 0},
        {"unknown": 1},
    ],
)
def test_report_of_a_compromised_decoder_is_refused(change: dict[str, object]) -> None:
    report = {
        "duration": 1.0, "sample_rate": 48_000, "channels": 2, "bit_rate": 128_000,
        "loudness": None, "true_peak": -1.0, "gain": 0.0, "size": 1_000,
    }  # fmt: skip
    assert Rendered.from_report(report)
    with pytest.raises((ValueError, TypeError)):
        Rendered.from_report(report | change)


def test_size_of_a_rendition_is_that_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    report = {
        "duration": 1.0, "sample_rate": 48_000, "channels": 2, "bit_rate": 128_000,
        "loudness": None, "true_peak": -1.0, "gain": 0.0, "size": 5_000_000,
    }  # fmt: skip
    monkeypatch.setattr("library.sound.engine.runner.run", lambda *_, **__: report)
    with temporary(b"") as audio, temporary(b"12345") as output:
        rendered = render(audio, "audio/wav", Rendition("mp3"), output)
    assert isinstance(rendered, Rendered)
    assert rendered.size == 5
