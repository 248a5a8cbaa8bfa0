"""Fingerprints: those of Chromaprint, and which sounds they call the same."""

import ctypes
import ctypes.util
from functools import cache
from itertools import combinations, product

import numpy as np
import pytest

from library.sound import engine
from library.sound.analysis import Analysis
from library.sound.decoder.fingerprint import FRAME, Fingerprinter
from library.sound.decoder.frames import frame_of
from library.sound.fingerprint import (
    FEWEST_COMMON,
    LONGEST,
    MOST_BYTES,
    RATE,
    SAME,
    STEP,
    is_varied,
    landmarks,
    score,
)
from library.sound.rendition import Rendered, Rendition
from tests.sound.signals import Signal, noise, sequence, silence, sine, wav
from tests.sound.temporary import temporary
from tests.support.analyses import SAMPLES, analysis_of

LIBRARY = ctypes.util.find_library("chromaprint")
FEWEST_LANDMARKS = 3
NAMES = ("acoustic-guitar", "ambient-sounds", "rain-sounds", "tech-house")


@cache
def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.mp3").read_bytes()


@cache
def fingerprint(name: str) -> bytes:
    return analysis_of(sample(name), "audio/mpeg").fingerprint


def of_signal(signal: Signal, rate: int = 48_000) -> bytes:
    """Return the fingerprint of an array."""
    made = Fingerprinter()
    layout = "mono" if len(signal) == 1 else "stereo"
    for at in range(0, signal.shape[1], 4096):
        made.add(frame_of(signal[:, at : at + 4096].astype(np.float32), layout, rate))
    return made.finish()


def of_library(samples: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> bytes:
    """Return the fingerprint that libchromaprint makes of mono samples of RATE."""
    library = ctypes.CDLL(str(LIBRARY))
    library.chromaprint_new.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.chromaprint_new(1))
    library.chromaprint_start(context, RATE, 1)
    library.chromaprint_feed(context, samples.tobytes(), len(samples))
    library.chromaprint_finish(context)
    values, count = ctypes.POINTER(ctypes.c_uint32)(), ctypes.c_int()
    library.chromaprint_get_raw_fingerprint(context, ctypes.byref(values), ctypes.byref(count))
    found = np.array(values[: count.value], "<u4").tobytes()
    library.chromaprint_dealloc(values)
    library.chromaprint_free(context)
    return found


@pytest.mark.skipif(not LIBRARY, reason="needs libchromaprint: make system-tools")
def test_it_is_the_fingerprint_of_chromaprint() -> None:
    generator = np.random.default_rng(2)
    notes = generator.integers(100, 3000, (60, 3))
    time = np.arange(RATE // 3) / RATE
    melody = np.concatenate([np.sin(2 * np.pi * np.outer(n, time)).sum(axis=0) for n in notes])
    samples = np.round(melody * 9_000).astype(np.int16)
    ours = np.frombuffer(of_signal(samples[None] / 32_768, RATE), "<u4")
    theirs = np.frombuffer(of_library(samples), "<u4")
    assert len(ours) == len(theirs)
    assert np.bitwise_count(ours ^ theirs).sum() <= len(ours) * 32 * 0.001


@pytest.mark.parametrize(
    "rendition",
    [
        Rendition("opus", "low"),
        Rendition("mp3", "low", start=0.062),  # half a step
        Rendition("aac", "low", start=5.0, target=-18.0),
    ],
    ids=str,
)
@pytest.mark.processes
@pytest.mark.parametrize("name", ["rain-sounds", "tech-house"])
def test_encoded_again_it_is_the_same_sound(name: str, rendition: Rendition) -> None:
    with temporary(sample(name)) as audio, temporary() as output:
        assert isinstance(engine.render(audio, "audio/mpeg", rendition, output), Rendered)

        again = engine.analyse(output, rendition.content_type)
    assert isinstance(again, Analysis)
    original = fingerprint(name)
    assert score(original, again.fingerprint) == score(again.fingerprint, original) > SAME
    assert len({*landmarks(original)} & {*landmarks(again.fingerprint)}) >= FEWEST_LANDMARKS
    others = (score(fingerprint(other), again.fingerprint) for other in NAMES if other != name)
    assert max(others) < 0.5


@pytest.mark.processes
def test_different_sounds_are_not_the_same() -> None:
    assert max(score(fingerprint(a), fingerprint(b)) for a, b in combinations(NAMES, 2)) < 0.5


@pytest.mark.processes
def test_steady_sounds_match_nothing_not_even_each_other() -> None:
    steady = [
        of_signal(silence(20)),
        of_signal(silence(15)),
        of_signal(sine(-6, 20, hertz=440)),
        of_signal(sine(-6, 12, hertz=441)),
        of_signal(sequence(sine(-6, 8), silence(8))),
    ]
    for one, other in product(steady, [*steady, fingerprint("ambient-sounds")]):
        assert score(one, other) == 0
    assert [landmarks(one) for one in steady] == [[]] * len(steady)


def test_noises_are_not_the_same() -> None:
    signal = noise(40, channels=1)
    assert score(of_signal(signal[:, : 20 * 48_000]), of_signal(signal[:, 20 * 48_000 :])) < SAME


@pytest.mark.parametrize(("seconds", "count"), [(9.9, 0), (10.1, 59), (130, MOST_BYTES // 4 - 21)])
def test_fingerprint_covers_ten_seconds_to_two_minutes(seconds: float, count: int) -> None:
    made = of_signal(noise(seconds, channels=1, rate=RATE), RATE)
    assert len(made) // 4 == pytest.approx(count, abs=1)


def test_score_needs_an_overlap() -> None:
    values = np.random.default_rng(3).integers(0, 2**32, 300, dtype=np.uint32)
    whole = values.astype("<u4").tobytes()
    assert score(whole, whole[4 * 100 :]) == 1
    assert score(whole[: 4 * 200], whole[4 * 100 :]) == 1
    assert score(whole[: 4 * 150], whole[4 * 120 :]) < 0.5
    assert not is_varied(whole[: 4 * (FEWEST_COMMON - 1)])
    assert score(whole, b"") == score(b"", b"") == 0


def test_limits_agree() -> None:
    assert (LONGEST * RATE - FRAME) // STEP < MOST_BYTES // 4


@pytest.mark.processes
def test_wav_of_a_short_sound_has_no_fingerprint() -> None:
    assert analysis_of(wav(sine(-6, 1)), "audio/wav").fingerprint == b""
