"""Analyses a file in one decode."""

import base64
from typing import Any, BinaryIO

import numpy as np

from library.sound.decoder.fingerprint import Fingerprinter
from library.sound.decoder.frames import Samples, samples_of
from library.sound.decoder.levels import Levels
from library.sound.decoder.meter import Meter
from library.sound.decoder.source import Source
from library.sound.formats import LOSSLESS, Format

BATCH = 16_384  # samples per channel that numpy handles at once
LATE_END = 0.1  # seconds; containers round durations, and codecs pad


def measure(file: BinaryIO, form: Format) -> dict[str, Any]:
    """Return the report of which `analysis.Analysis` is made.

    Raises RefusedError and av.FFmpegError.
    """
    source = Source(file, form)
    meter, levels = Meter(source.sample_rate, source.layout), Levels(source.channels)
    fingerprinter = Fingerprinter()
    batch: list[Samples] = []
    for frame in source.frames():
        meter.add(frame)
        fingerprinter.add(frame)
        batch.append(samples_of(frame))
        if sum(part.shape[1] for part in batch) >= BATCH:
            levels.add(np.concatenate(batch, axis=1))
            batch.clear()
    if batch:
        levels.add(np.concatenate(batch, axis=1))
    meter.finish()
    levels.finish()
    return _report(source, form, meter, levels) | {
        "fingerprint": base64.b64encode(fingerprinter.finish()).decode()
    }


def _report(source: Source, form: Format, meter: Meter, levels: Levels) -> dict[str, Any]:
    leading, trailing = (samples / source.sample_rate for samples in levels.silence())
    missing = (source.promised or 0.0) - source.duration
    if source.errors:  # which leave gaps in audio that may be complete
        missing -= source.lost * source.duration / max(source.payload, 1)
    return {
        "container": form.container,
        "codec": source.codec,
        "lossless": source.codec in LOSSLESS,
        "duration": source.duration,
        "sample_rate": source.sample_rate,
        "channels": source.channels,
        "bit_rate": round(source.payload * 8 / source.duration),
        "loudness": _rounded(meter.loudness),
        "loudness_range": _rounded(meter.loudness_range),
        "true_peak": _rounded(meter.true_peak),
        "leading_silence": leading,
        "trailing_silence": trailing,
        "clippings": levels.clippings,
        "damaged_packets": source.errors,
        "promised_duration": source.promised,
        "truncated": source.is_cut or missing > LATE_END,
        "short_term": [round(value, 2) for value in meter.short_term],
        "peaks": base64.b64encode(levels.peaks.finish(source.sample_rate).to_bytes()).decode(),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
