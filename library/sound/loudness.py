"""Gain to a target loudness. Source: EBU R 128, EBU Tech 3343."""

from collections.abc import Sequence

TRUE_PEAK_LIMIT = -1.0  # dBTP
TARGETS = (-14.0, -18.0)  # LUFS: common for streaming; the reference of ReplayGain 2


def gain_to(target: float, loudness: float | None, true_peak: float | None) -> float | None:
    """Return the gain in dB that brings audio to `target` LUFS, to a hundredth, or None if unknown.

    The gain is lower if the true peak (dBTP) would exceed TRUE_PEAK_LIMIT, so the audio may stay
    quieter than the target.
    """
    if loudness is None or true_peak is None:
        return None
    return round(min(target - loudness, TRUE_PEAK_LIMIT - true_peak), 2)


def loudest(short_term: Sequence[float], duration: float, length: float) -> float:
    """Return the start of the loudest `length` seconds, a whole number of seconds; else 0.

    `short_term` holds the loudness in LUFS of the 3 s before second 3, 4, 5 and so on.
    """
    inside = int(length) - 2  # values whose 3 s lie inside an excerpt that starts at a second
    starts = min(len(short_term) - inside, int(duration - length))
    if inside < 1 or starts < 1:
        return 0.0
    energy = [10 ** (value / 10) for value in short_term]
    return float(max(range(starts + 1), key=lambda start: sum(energy[start : start + inside])))
