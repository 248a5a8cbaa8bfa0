"""Gain to a target, and the loudest excerpt."""

import pytest

from library.sound.loudness import gain_to, loudest


@pytest.mark.parametrize(
    ("loudness", "true_peak", "gain"),
    [
        (-10.0, -0.5, -4.0),
        (-20.0, -8.0, 6.0),
        (-20.0, -3.0, 2.0),  # 6 dB would bring the true peak to +3 dBTP
        (-14.0, 0.0, -1.0),
        (None, -3.0, None),
        (-14.0, None, None),
    ],
)
def test_gain_stops_at_the_limit_of_the_true_peak(
    loudness: float | None, true_peak: float | None, gain: float | None
) -> None:
    assert gain_to(-14.0, loudness, true_peak) == gain


def short_term(loud: range, seconds: int) -> list[float]:
    """Return the loudness of the 3 s before each second, for audio that is loud in some."""
    levels = [1.0 if second in loud else 0.001 for second in range(seconds)]
    return [-20 + sum(levels[end - 3 : end]) for end in range(3, seconds + 1)]


@pytest.mark.parametrize("start", [0, 1, 17, 60, 90])
def test_loudest_excerpt_is_found(start: int) -> None:
    assert loudest(short_term(range(start, start + 30), 120), 120.0, 30.0) == start


def test_short_audio_starts_at_the_beginning() -> None:
    assert loudest(short_term(range(10, 20), 20), 20.0, 30.0) == 0


def test_even_audio_starts_at_the_beginning() -> None:
    assert loudest([-70.0] * 98, 100.0, 30.0) == 0


def test_excerpt_ends_inside_the_audio() -> None:
    assert loudest(short_term(range(100, 120), 120), 120.9, 30.0) <= 90.9
