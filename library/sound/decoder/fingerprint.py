"""Fingerprints of sound: those of Chromaprint's default algorithm, in numpy.

Debian's libchromaprint loads FFmpeg and a hundred other libraries for one transform, and no wheel
contains it. The algorithm is short, and numpy is here already. See tests/sound/test_fingerprint.py
for a comparison with the library.

Source: github.com/acoustid/chromaprint, MIT License, Copyright (C) 2010-2016 Lukas Lalinsky: the
configuration Test2, whose classifiers were trained on music.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.fft import rfft  # numpy imports it late otherwise, when the decoder is confined
from numpy.lib.stride_tricks import sliding_window_view

from library.sound.decoder.frames import SAMPLE_FORMAT, Samples, samples_of
from library.sound.fingerprint import LONGEST, RATE, SHORTEST, STEP

FRAME = 4096  # samples of each transform
LOWEST, HIGHEST = 28, 3520  # Hz
BANDS = 12  # the notes of an octave
SMOOTHING = (0.25, 0.75, 1.0, 0.75, 0.25)  # over frames
QUIETEST = 0.01  # norm of the energies of a frame; quieter ones count as silence
BATCH = 64  # frames that are transformed at once
WIDTH = 16  # frames of the widest filter
# Each filter's shape, first band, bands and frames, and the three limits of its four values.
CLASSIFIERS = (
    (0, 4, 3, 15, 1.98215, 2.35817, 2.63523),
    (4, 4, 6, 15, -1.03809, -0.651211, -0.282167),
    (1, 0, 4, 16, -0.298702, 0.119262, 0.558497),
    (3, 8, 2, 12, -0.105439, 0.0153946, 0.135898),
    (3, 4, 4, 8, -0.142891, 0.0258736, 0.200632),
    (4, 0, 3, 5, -0.826319, -0.590612, -0.368214),
    (1, 2, 2, 9, -0.557409, -0.233035, 0.0534525),
    (2, 7, 3, 4, -0.0646826, 0.00620476, 0.0784847),
    (2, 6, 2, 16, -0.192387, -0.029699, 0.215855),
    (2, 1, 3, 2, -0.0397818, -0.00568076, 0.0292026),
    (5, 10, 1, 15, -0.53823, -0.369934, -0.190235),
    (3, 6, 2, 10, -0.124877, 0.0296483, 0.139239),
    (2, 1, 1, 14, -0.101475, 0.0225617, 0.231971),
    (3, 5, 6, 4, -0.0799915, -0.00729616, 0.063262),
    (1, 9, 2, 12, -0.272556, 0.019424, 0.302559),
    (3, 4, 2, 14, -0.164292, -0.0321188, 0.0846339),
)
GRAY = np.array((0, 1, 3, 2), np.uint32)  # neighbours differ in one bit
Rows = npt.NDArray[np.float64]
Area = Callable[[int, int, int, int], Rows]


class Fingerprinter:
    """Fingerprints the beginning of a sound that arrives in frames."""

    def __init__(self) -> None:
        self._converter = AudioResampler(SAMPLE_FORMAT, "mono", RATE)
        self._parts: list[Samples] = []
        self._samples = 0

    def add(self, frame: AudioFrame) -> None:
        if self._samples < LONGEST * RATE:
            self._keep(self._converter.resample(frame))

    def finish(self) -> bytes:
        """Return the values, 32 bits each, the lowest byte first. Less than SHORTEST has none."""
        if self._samples < LONGEST * RATE:
            self._keep([frame for frame in self._converter.resample(None) if frame])
        if self._samples < SHORTEST * RATE:
            return b""
        samples = np.concatenate(self._parts)[: LONGEST * RATE]
        return values_of(_chroma(samples)).astype("<u4").tobytes()

    def _keep(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            self._parts.append(samples_of(frame)[0])
            self._samples += frame.samples


def _chroma(samples: Samples) -> Rows:
    """Return the energy of each note in each frame, smoothed over frames and normalised."""
    index = np.arange(round(LOWEST * FRAME / RATE), round(HIGHEST * FRAME / RATE))
    octave = np.log2(index * RATE / FRAME / 27.5)
    notes = np.eye(BANDS)[(BANDS * (octave % 1)).astype(int)]
    frames = sliding_window_view(samples, FRAME)[::STEP]
    window = np.hamming(FRAME)
    energy = np.concatenate(
        [
            np.abs(rfft(frames[at : at + BATCH] * window)[:, index]) ** 2 @ notes
            for at in range(0, len(frames), BATCH)
        ]
    )
    smooth = sliding_window_view(energy, len(SMOOTHING), axis=0) @ np.array(SMOOTHING)
    norm = np.sqrt((smooth**2).sum(axis=1, keepdims=True))
    normalised: Rows = np.where(norm < QUIETEST, 0.0, smooth / np.maximum(norm, QUIETEST))
    return normalised


def values_of(chroma: Rows) -> npt.NDArray[np.uint32]:
    """Return a value for each position of WIDTH frames."""
    integral = np.zeros((len(chroma) + 1, BANDS + 1))
    integral[1:, 1:] = chroma.cumsum(axis=0).cumsum(axis=1)
    count = len(chroma) - WIDTH + 1

    def area(left: int, low: int, right: int, high: int) -> Rows:
        a, b = integral[left : left + count], integral[right : right + count]
        return b[:, high] - a[:, high] - b[:, low] + a[:, low]

    values: npt.NDArray[np.uint32] = np.zeros(count, np.uint32)
    for shape, band, height, width, *limits in CLASSIFIERS:
        added, total = _areas(area, int(shape), int(band), int(height), int(width))
        feature = np.log((1 + added) / (1 + total - added))
        values = values << np.uint32(2) | GRAY[np.searchsorted(limits, feature, side="right")]
    return values


def _areas(area: Area, shape: int, low: int, height: int, width: int) -> tuple[Rows, Rows]:
    """Return the sum of the added part of a filter, and that of all of it."""
    high, middle, half = low + height, low + height // 2, width // 2
    total = area(0, low, width, high)
    match shape:
        case 0:
            added = total
        case 1:  # the upper half
            added = area(0, middle, width, high)
        case 2:  # the later half
            added = area(half, low, width, high)
        case 3:  # two opposite quarters
            added = area(0, middle, half, high) + area(half, low, width, middle)
        case 4:  # the middle third of the bands
            third = height // 3
            added = area(0, low + third, width, low + 2 * third)
        case _:  # the middle third of the frames
            third = width // 3
            added = area(third, low, 2 * third, high)
    return added, total
