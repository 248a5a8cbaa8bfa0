"""Peaks, silence and clipping, in pieces of any size."""

import numpy as np
import pytest

from library.sound.decoder.frames import Samples
from library.sound.decoder.levels import Levels, PeakBlocks
from library.sound.waveform import MOST_BLOCKS


def measured(samples: Samples, piece: int) -> Levels:
    levels = Levels(len(samples))
    for start in range(0, samples.shape[1], piece):
        levels.add(samples[:, start : start + piece])
    levels.finish()
    return levels


def noise(count: int) -> Samples:
    return np.random.default_rng(2).uniform(-0.9, 0.9, (2, count)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 65_535, 65_536, 65_537, 300_000])
@pytest.mark.parametrize("piece", [1_152, 70_000])
def test_peaks_are_the_extremes_of_every_block(count: int, piece: int) -> None:
    samples = noise(count)
    peaks = measured(samples, piece).peaks.finish(48_000)
    starts = range(0, count, peaks.block)
    lowest = [samples[:, start : start + peaks.block].min() for start in starts]
    highest = [samples[:, start : start + peaks.block].max() for start in starts]
    assert peaks.samples == count
    assert peaks.minima == [round(float(value) * 32_768) for value in lowest]
    assert peaks.maxima == [round(float(value) * 32_768) for value in highest]


def test_number_of_blocks_is_limited() -> None:
    blocks = PeakBlocks()
    for _ in range(100):
        blocks.add(np.zeros((2, 48_000), np.float32))
    assert MOST_BLOCKS / 2 <= len(blocks.finish(48_000).minima) <= MOST_BLOCKS


def test_peaks_beyond_full_scale_are_cut() -> None:
    peaks = measured(np.array([[-2.0, 2.0]], np.float32), 2).peaks.finish(48_000)
    assert (peaks.minima, peaks.maxima) == ([-32_768], [32_767])


@pytest.mark.parametrize("piece", [1, 3, 1_000])
def test_silence_before_and_after_the_sound(piece: int) -> None:
    samples = np.zeros((2, 1_000), np.float32)
    samples[1, 100:900] = 0.01
    samples[0, 50] = 0.0009  # below -60 dBFS
    assert measured(samples, piece).silence() == (100, 100)


def test_all_silence_is_before_and_after() -> None:
    assert measured(np.zeros((2, 500), np.float32), 100).silence() == (500, 500)


@pytest.mark.parametrize("piece", [1, 2, 5, 7, 1_000])
def test_runs_at_full_scale_are_counted_once_per_channel(piece: int) -> None:
    samples = np.zeros((2, 100), np.float32)
    samples[0, 10:13] = 1.0  # counts
    samples[0, 20:22] = 1.0  # too short
    samples[1, 30:60] = -1.0  # counts
    samples[1, 97:] = 32_767 / 32_768  # counts, at the end
    samples[0, :3] = 1.5  # counts, at the beginning
    assert measured(samples, piece).clippings == 4


def test_loud_audio_below_full_scale_is_not_clipped() -> None:
    assert measured(np.full((1, 100), 0.999, np.float32), 10).clippings == 0
