"""Peaks, silence and clipping of audio that arrives in pieces."""

from functools import reduce

import numpy as np
import numpy.typing as npt

from library.sound.analysis import SILENCE_DBFS
from library.sound.decoder.frames import Samples
from library.sound.waveform import MOST_BLOCKS, Peaks

SILENCE = 10 ** (SILENCE_DBFS / 20)  # of full scale
FULL_SCALE = 32_766 / 32_768  # reached by the largest value of 16 bits, positive or negative
SHORTEST_CLIP = 3  # samples in a row at full scale; one or two are common in undamaged audio
FIRST_BLOCK = 8  # samples


class PeakBlocks:
    """Minima and maxima of blocks of samples, in limited memory.

    When MOST_BLOCKS are full, pairs of blocks merge and the next blocks are twice as long, so that
    between half of MOST_BLOCKS and all of them are used, without knowing the duration before.
    """

    def __init__(self) -> None:
        self.block = FIRST_BLOCK
        self.samples = 0
        self._count = 0
        self._ends = np.zeros((2, MOST_BLOCKS), np.float32)  # minima, maxima
        self._pending = np.zeros((2, 0), np.float32)

    def add(self, ends: Samples) -> None:
        """Add samples: an array of two rows, the lowest and the highest of all channels."""
        self.samples += ends.shape[1]
        while ends.shape[1]:
            room = (MOST_BLOCKS - self._count) * self.block - self._pending.shape[1]
            part = np.concatenate((self._pending, ends[:, :room]), axis=1)
            ends = ends[:, room:]
            whole = part.shape[1] // self.block
            self._append(part[:, : whole * self.block], whole)
            self._pending = part[:, whole * self.block :]
            if self._count == MOST_BLOCKS:
                self._merge()

    def finish(self, sample_rate: int) -> Peaks:
        if self._pending.shape[1]:
            self._append(self._pending, 1)
        scaled = np.round(self._ends[:, : self._count] * 32_768).clip(-32_768, 32_767)
        minima, maxima = scaled.astype(np.int16).tolist()
        return Peaks(sample_rate, self.samples, self.block, minima, maxima)

    def _append(self, part: Samples, count: int) -> None:
        if count:
            lows, highs = part.reshape(2, count, -1)
            new = slice(self._count, self._count + count)
            self._ends[0, new], self._ends[1, new] = lows.min(axis=1), highs.max(axis=1)
            self._count += count

    def _merge(self) -> None:
        self._count //= 2
        self.block *= 2
        self._ends[0, : self._count] = np.minimum(self._ends[0, ::2], self._ends[0, 1::2])
        self._ends[1, : self._count] = np.maximum(self._ends[1, ::2], self._ends[1, 1::2])


class Levels:
    """Measures samples as they pass."""

    def __init__(self, channels: int) -> None:
        self.peaks = PeakBlocks()
        self.clippings = 0  # runs of at least SHORTEST_CLIP samples at full scale, in any channel
        self._first_sound: int | None = None  # indices of samples
        self._last_sound = -1
        self._runs = [0] * channels  # length of the run at full scale that has not ended yet

    def add(self, samples: Samples) -> None:
        """Add an array with a row for each channel."""
        low, high = reduce(np.minimum, samples), reduce(np.maximum, samples)
        loud = np.flatnonzero((high > SILENCE) | (low < -SILENCE))
        if loud.size:
            if self._first_sound is None:
                self._first_sound = self.peaks.samples + int(loud[0])
            self._last_sound = self.peaks.samples + int(loud[-1])
        if any(self._runs) or low.min() <= -FULL_SCALE or high.max() >= FULL_SCALE:
            for channel, row in enumerate(samples):
                self._count_clippings(channel, np.abs(row) >= FULL_SCALE)
        self.peaks.add(np.stack((low, high)))

    def silence(self) -> tuple[int, int]:
        """Return the samples before the first sound and after the last, all if there is none."""
        total = self.peaks.samples
        if self._first_sound is None:
            return total, total
        return self._first_sound, total - self._last_sound - 1

    def finish(self) -> None:
        """End the runs at full scale."""
        self.clippings += sum(run >= SHORTEST_CLIP for run in self._runs)

    def _count_clippings(self, channel: int, full: npt.NDArray[np.bool_]) -> None:
        edges = np.flatnonzero(np.diff(full.astype(np.int8), prepend=0, append=0))
        starts, ends = edges[::2], edges[1::2]
        lengths = ends - starts
        run, self._runs[channel] = self._runs[channel], 0
        if starts.size and starts[0] == 0:
            lengths[0] += run
        else:
            self.clippings += run >= SHORTEST_CLIP
        if ends.size and ends[-1] == full.size:
            self._runs[channel] = int(lengths[-1])
            lengths = lengths[:-1]
        self.clippings += int((lengths >= SHORTEST_CLIP).sum())
