"""Facts about real and synthesised files."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from library.audio.sniff import audio_type
from library.sound.analysis import Analysis
from library.sound.decoder.measure import measure
from library.sound.engine import analyse
from library.sound.failures import Failure
from library.sound.formats import FORMATS
from library.sound.waveform import points
from tests.sound.signals import RATE, amplitude, float_wav, noise, sequence, silence, sine, wav
from tests.sound.temporary import temporary

SAMPLES = Path(__file__).parents[2] / "fixtures" / "audio"


def analysed(data: bytes) -> Analysis:
    """Analyse audio that these tests make, in this process, which is quicker."""
    form = FORMATS[audio_type(data[:8192]) or ""]
    return Analysis.from_report(measure(io.BytesIO(data), form))


def failure(data: bytes, content_type: str) -> str:
    with temporary(data) as file:
        result = analyse(file, content_type)
    assert isinstance(result, Failure), result
    return result.code


@pytest.mark.processes
def test_sample_clip() -> None:
    with (SAMPLES / "jazz-piano.mp3").open("rb") as file:
        analysis = analyse(file, "audio/mpeg")
    assert isinstance(analysis, Analysis), analysis
    assert (analysis.container, analysis.codec, analysis.lossless) == ("mp3", "mp3", False)
    assert (analysis.sample_rate, analysis.channels) == (44_100, 2)
    assert analysis.duration == 1_068_022 / 44_100  # without LAME's delay and padding
    assert analysis.bit_rate == pytest.approx(128_000, rel=0.01)
    # ffmpeg -af ebur128=peak=true prints these
    assert analysis.loudness == pytest.approx(-13.3, abs=0.1)
    assert analysis.loudness_range == pytest.approx(3.3, abs=0.1)
    assert analysis.true_peak == pytest.approx(-1.0, abs=0.1)
    assert (analysis.truncated, analysis.damaged_packets, analysis.clippings) == (False, 0, 0)


@pytest.mark.processes
def test_chapters_do_no_harm() -> None:
    """They are a stream of text, for which PyAV has a module of its own."""
    data = io.BytesIO()
    with av.open(data, "w", "mp4") as output:
        stream = output.add_stream("aac", rate=RATE)
        output.set_chapters(
            [{"id": 1, "start": 0, "end": 1, "time_base": Fraction(1), "metadata": {}}]
        )
        sound = noise(1.0, channels=1).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout="mono")
        frame.sample_rate = RATE
        output.mux([*stream.encode(frame), *stream.encode(None)])
    with temporary(data.getvalue()) as file:
        analysis = analyse(file, "audio/mp4")
    assert isinstance(analysis, Analysis), analysis
    assert analysis.duration == pytest.approx(1.0, abs=0.03)


def test_truncated_mp3_is_flagged() -> None:
    data = (SAMPLES / "jazz-piano.mp3").read_bytes()
    analysis = analysed(data[: len(data) // 2])
    assert analysis.truncated
    assert analysis.duration < (analysis.promised_duration or 0) - 10


@pytest.mark.parametrize("size", [3_000, 100_000])
def test_damaged_mp3_is_not_truncated_unless_it_is_cut_as_well(size: int) -> None:
    data = bytearray((SAMPLES / "jazz-piano.mp3").read_bytes())
    data[100_000 : 100_000 + size] = bytes(size)
    analysis = analysed(bytes(data))
    assert analysis.damaged_packets
    assert analysis.duration < (analysis.promised_duration or 0) - 0.1
    assert not analysis.truncated
    assert analysed(bytes(data[: len(data) - 50_000])).truncated


def test_wav_is_lossless_and_exact() -> None:
    analysis = analysed(wav(noise(1.5)))
    assert (analysis.codec, analysis.lossless) == ("pcm_s16le", True)
    assert (analysis.duration, analysis.bit_rate) == (1.5, 48_000 * 32)
    assert not analysis.truncated


def test_truncated_wav_is_flagged() -> None:
    data = wav(noise(1.0))
    analysis = analysed(data[:100_000])
    assert analysis.truncated
    assert analysis.duration == pytest.approx(0.52, abs=0.01)


@pytest.mark.parametrize("declared", [0, 0xFFFF_FFFF, 0x7FFF_FFFF])
def test_streamed_wav_without_a_size_is_whole(declared: int) -> None:
    analysis = analysed(wav(noise(1.0), declared=declared))
    assert (analysis.duration, analysis.truncated) == (1.0, False)


def test_silence_around_the_sound() -> None:
    analysis = analysed(wav(sequence(silence(0.5), sine(-20, 1), silence(0.25))))
    assert analysis.leading_silence == pytest.approx(0.5, abs=0.001)
    assert analysis.trailing_silence == pytest.approx(0.25, abs=0.001)


def test_silent_file_has_facts_but_no_loudness() -> None:
    analysis = analysed(wav(silence(1)))
    assert (analysis.loudness, analysis.loudness_range, analysis.true_peak) == (None, None, None)
    assert (analysis.leading_silence, analysis.trailing_silence) == (1.0, 1.0)
    assert analysis.gain_to(-14.0) is None


def test_clipping_is_counted() -> None:
    assert analysed(wav(sine(6, 0.5, hertz=100.0))).clippings == 2 * 100  # channels, half waves


def test_peaks_show_the_sound_where_it_is() -> None:
    analysis = analysed(wav(sequence(silence(1), sine(-6, 1), silence(2))))
    highest = points(analysis.peaks, 400)[1::2]
    assert set(highest[:99]) | set(highest[201:]) == {0}
    assert min(highest[101:199]) == pytest.approx(amplitude(-6) * 32_768, rel=0.01)


def test_peaks_cover_both_channels() -> None:
    left_up, right_down = np.full(4_800, 0.5), np.full(4_800, -0.25)
    values = points(analysed(wav(np.stack((left_up, right_down)))).peaks, 50)
    assert (set(values[::2]), set(values[1::2])) == ({-8_192}, {16_384})


def test_numbers_that_are_not_finite_do_no_harm() -> None:
    signal = noise(1.0)
    signal[0, 100:103] = np.nan, np.inf, -np.inf
    signal[1, 200] = 1e30
    analysis = analysed(float_wav(signal))
    assert analysis.true_peak is not None
    assert analysis.true_peak < 30


@pytest.mark.parametrize("rate", [8_000, 11_025, 96_000, 192_000])
def test_any_sample_rate(rate: int) -> None:
    analysis = analysed(wav(sine(-20, 1, rate=rate), rate))
    assert (analysis.sample_rate, analysis.duration) == (rate, 1.0)
    assert analysis.loudness == pytest.approx(-20, abs=0.2)


@pytest.mark.parametrize("channels", [1, 3, 6, 8])
def test_any_number_of_channels(channels: int) -> None:
    analysis = analysed(wav(noise(0.5, channels=channels)))
    assert (analysis.channels, analysis.duration) == (channels, 0.5)


@pytest.mark.processes
@pytest.mark.parametrize(("channels", "rate"), [(9, 48_000), (2, 384_000), (2, 1_000)])
def test_other_layouts_are_refused(channels: int, rate: int) -> None:
    data = wav(noise(0.1, channels=channels), rate)
    assert failure(data, "audio/wav") == "unsupported_layout"


@pytest.mark.processes
def test_unknown_type_is_refused() -> None:
    assert failure(b"RIFF....AVI ", "video/x-msvideo") == "unsupported_type"


@pytest.mark.processes
def test_file_of_another_type_is_not_opened() -> None:
    assert failure(wav(noise(1)), "audio/mpeg") == "damaged"


def test_failures_have_a_sentence() -> None:
    assert Failure("damaged").sentence.endswith("decoded from it.")
    assert not Failure("damaged").retry


@pytest.mark.parametrize(
    "change",
    [
        {"duration": 0},
        {"duration": "8"},
        {"duration": None},
        {"loudness": 1e300},
        {"codec": ["mp3"]},
        {"codec": "x" * 1_000},
        {"codec": "<b>"},
        {"channels": 2.5},
        {"channels": "2"},
        {"channels": True},
        {"channels": 9},
        {"sample_rate": 0},
        {"lossless": "maybe"},
        {"lossless": 1},
        {"truncated": {}},
        {"truncated": None},
        {"clippings": 10**12},
        {"clippings": -1},
        {"clippings": 0.5},
        {"bit_rate": 2**31},
        {"duration": 1e9},
        {"leading_silence": -1},
        {"leading_silence": None},
        {"true_peak": "loud"},
        {"short_term": [float("nan")]},
        {"short_term": [None]},
        {"short_term": "1"},
        {"short_term": {"1": 1}},
        {"short_term": [-20.0] * 5_000},
        {"peaks": ""},
        {"peaks": "AAAA"},
        {"unknown": 1},
    ],
)
def test_report_of_a_compromised_decoder_is_refused(change: dict[str, object]) -> None:
    report = measure(io.BytesIO(wav(noise(0.1))), FORMATS["audio/wav"])
    assert Analysis.from_report(report)
    with pytest.raises((ValueError, TypeError)):
        Analysis.from_report(report | change)
