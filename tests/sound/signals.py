"""Synthesised audio: arrays with a row for each channel, and WAV files of them."""

import struct

import numpy as np
import numpy.typing as npt

Signal = npt.NDArray[np.float64]

RATE = 48_000  # Hz


def amplitude(dbfs: float) -> float:
    return float(10 ** (dbfs / 20))


def sine(
    dbfs: float, seconds: float, *, channels: int = 2, rate: int = RATE, hertz: float = 1_000.0
) -> Signal:
    time = np.arange(round(seconds * rate)) / rate
    return np.tile(amplitude(dbfs) * np.sin(2 * np.pi * hertz * time), (channels, 1))


def silence(seconds: float, *, channels: int = 2, rate: int = RATE) -> Signal:
    return np.zeros((channels, round(seconds * rate)))


def sequence(*parts: Signal) -> Signal:
    return np.concatenate(parts, axis=1)


def noise(seconds: float, *, dbfs: float = -20.0, channels: int = 2, rate: int = RATE) -> Signal:
    generator = np.random.default_rng(1)
    return generator.standard_normal((channels, round(seconds * rate))) * amplitude(dbfs)


def wav(signal: Signal, rate: int = RATE, *, declared: int | None = None) -> bytes:
    """Return 16-bit PCM. `declared` is a false size of the data, in bytes."""
    values = np.round(signal * 32_768).clip(-32_768, 32_767).astype("<i2")
    return wav_of(values.T.tobytes(), len(signal), rate, 1, 16, declared=declared)


def float_wav(signal: Signal, rate: int = RATE) -> bytes:
    return wav_of(signal.astype("<f4").T.tobytes(), len(signal), rate, 3, 32)


def wav_of(
    data: bytes, channels: int, rate: int, coding: int, bits: int, *, declared: int | None = None
) -> bytes:
    size = len(data) if declared is None else declared
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", coding, channels, rate, rate * frame, frame, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", min(len(body) + size, 0xFFFF_FFFF)) + body + data
