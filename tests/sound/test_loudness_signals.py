"""The signals of EBU Tech 3341 (loudness, true peak) and 3342 (loudness range), synthesised."""

import io
from typing import Any

import numpy as np
import pytest

from library.sound.decoder.measure import measure
from library.sound.formats import FORMATS
from tests.sound.signals import Signal, amplitude, sequence, silence, sine, wav

SLOW = 8_000  # Hz; a lower sample rate makes the long signals cheaper


def measured(signal: Signal, rate: int = 48_000) -> dict[str, Any]:
    return measure(io.BytesIO(wav(signal, rate)), FORMATS["audio/wav"])


def steps(*parts: tuple[float, float]) -> Signal:
    """Return a stereo sine in steps of (dBFS, seconds)."""
    return sequence(*(sine(dbfs, seconds, rate=SLOW) for dbfs, seconds in parts))


@pytest.mark.parametrize("dbfs", [-23.0, -33.0])
def test_steady_sine_has_its_own_level(dbfs: float) -> None:  # Tech 3341, signals 1 and 2
    assert measured(sine(dbfs, 10))["loudness"] == pytest.approx(dbfs, abs=0.1)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([(-36, 10), (-23, 60), (-36, 10)], id="3"),
        pytest.param([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], id="4"),
        pytest.param([(-26, 20), (-20, 20.1), (-26, 20)], id="5"),
    ],
)
def test_gates_leave_out_quiet_parts(parts: list[tuple[float, float]]) -> None:
    assert measured(steps(*parts), SLOW)["loudness"] == pytest.approx(-23.0, abs=0.1)


def test_surround_channels_are_weighted() -> None:  # Tech 3341, signal 6, in a file of 5.0
    levels = (-28, -28, -24, -30, -30)
    signal = np.concatenate([sine(dbfs, 5, channels=1) for dbfs in levels])
    data = wav(signal)
    # WAVE_FORMAT_EXTENSIBLE names the channels: left, right, centre and the two at the back
    form = data[20:36]
    extensible = (
        b"\xfe\xff" + form[2:] + b"\x16\0\x10\0\x37\0\0\0"
        b"\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
    )
    body = data[8:16] + len(extensible).to_bytes(4, "little") + extensible + data[36:]
    file = io.BytesIO(b"RIFF" + len(body).to_bytes(4, "little") + body)
    assert measure(file, FORMATS["audio/wav"])["loudness"] == pytest.approx(-23.0, abs=0.1)


def test_short_term_loudness_is_the_mean_of_three_seconds() -> None:  # Tech 3341, signal 9
    values = measured(steps(*[(-20, 1.34), (-30, 1.66)] * 5), SLOW)["short_term"]
    assert values == pytest.approx([-23.0] * len(values), abs=0.1)
    assert len(values) == 13  # before second 3, 4 ... 15


@pytest.mark.parametrize(
    ("divisor", "degrees", "peak", "expected"),
    [
        pytest.param(4, 0.0, 0.5, -6.0, id="15"),
        pytest.param(4, 45.0, 0.5, -6.0, id="16"),
        pytest.param(6, 60.0, 0.5, -6.0, id="17"),
        pytest.param(8, 67.5, 0.5, -6.0, id="18"),
        pytest.param(4, 45.0, 1.41, 3.0, id="19"),
    ],
)
def test_true_peak_lies_between_samples(
    divisor: int, degrees: float, peak: float, expected: float
) -> None:
    phase = 2 * np.pi * np.arange(48_000) / divisor + np.radians(degrees)
    ramp = np.minimum(1.0, np.minimum(np.arange(48_000), np.arange(48_000)[::-1]) / 4_800)
    signal = np.tile(peak * ramp * np.sin(phase), (2, 1))
    assert expected - 0.4 <= measured(signal)["true_peak"] <= expected + 0.2


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        pytest.param((-20, -30), 10, id="1"),
        pytest.param((-20, -15), 5, id="2"),
        pytest.param((-40, -20), 20, id="3"),
        pytest.param((-50, -35, -20, -35, -50), 15, id="4"),
    ],
)
def test_loudness_range(levels: tuple[float, ...], expected: float) -> None:  # Tech 3342
    signal = steps(*((dbfs, 20) for dbfs in levels))
    assert measured(signal, SLOW)["loudness_range"] == pytest.approx(expected, abs=0.5)


def test_mono_is_one_channel() -> None:  # so 3 dB below the same sound in two channels
    mono = measured(sine(-20, 5, channels=1))["loudness"]
    assert measured(sine(-20, 5))["loudness"] - mono == pytest.approx(3.01, abs=0.02)


def test_digital_silence_has_no_loudness() -> None:
    report = measured(silence(2))
    assert (report["loudness"], report["true_peak"]) == (None, None)


def test_audio_below_the_gate_has_no_loudness_but_a_peak() -> None:
    report = measured(sine(-75, 5))
    assert report["loudness"] is None
    assert report["true_peak"] == pytest.approx(-75, abs=1)  # 16 bits round it


@pytest.mark.parametrize(("seconds", "is_measured"), [(0.3, False), (0.39, False), (0.5, True)])
def test_loudness_needs_four_tenths_of_a_second(seconds: float, is_measured: bool) -> None:
    assert (measured(sine(-20, seconds))["loudness"] is not None) == is_measured


def test_loudness_range_needs_three_seconds() -> None:
    assert measured(sine(-20, 2.9))["loudness_range"] is None


def test_peak_of_quiet_audio_is_exact() -> None:
    assert measured(sine(-46, 1))["true_peak"] == pytest.approx(-46, abs=0.05)


def test_single_sample_has_a_peak() -> None:
    report = measured(np.full((1, 1), amplitude(-6)))
    assert report["true_peak"] == pytest.approx(-6, abs=0.05)
