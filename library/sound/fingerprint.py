"""Compares fingerprints of sounds. Pure functions; `decoder.fingerprint` makes fingerprints.

A fingerprint is a row of values of 32 bits, one for each step. Of the same sound, however it is
encoded, most bits agree; of different ones, about half.
"""

from collections import Counter
from typing import Final

RATE: Final = 11_025  # Hz, of the samples that are fingerprinted
STEP: Final = 1_365  # samples from one value to the next
SHORTEST, LONGEST = 10, 120  # seconds of sound with a fingerprint, and its longest part that counts
MOST_BYTES = 4 * LONGEST * RATE // STEP

SAME = 0.75  # the lowest score of the same sound
FEWEST_COMMON = 55  # values that are compared, nearly SHORTEST
LEAST_VARIED = 0.25  # share of values that occur once; steady sounds such as tones have fewer
_LANDMARK_BITS = 24  # of a value, for the index


def score(one: bytes, other: bytes) -> float:
    """Return how much two sounds agree where they overlap best: 1 for the same, 0 by chance.

    One may lack a beginning or an end that the other has, as long as half of it overlaps. Silence,
    tones and other steady sounds have no score, since many agree by chance.
    """
    if not (is_varied(one) and is_varied(other)):
        return 0.0
    a, b = int.from_bytes(one, "little"), int.from_bytes(other, "little")
    length_a, length_b = len(one) // 4, len(other) // 4
    fewest = max(FEWEST_COMMON, min(length_a, length_b) // 2)
    best = 0.0
    for shift in range(fewest - length_b, length_a - fewest + 1):
        common = min(length_a - max(shift, 0), length_b + min(shift, 0))
        mask = (1 << 32 * common) - 1
        different = ((a >> 32 * max(shift, 0)) ^ (b >> 32 * max(-shift, 0))) & mask
        best = max(best, 1 - different.bit_count() / (16 * common))
    return best


def is_varied(fingerprint: bytes) -> bool:
    """Return whether the sound changes enough to be recognised."""
    values = _values(fingerprint)
    if len(values) < FEWEST_COMMON:
        return False
    single = sum(count == 1 for count in Counter(values).values())
    return single >= LEAST_VARIED * len(values)


def landmarks(fingerprint: bytes) -> list[int]:
    """Return numbers of which fingerprints of the same sound share several, for an index.

    Half of the values are enough. Steady sounds have none. The order is arbitrary but the same for
    all sounds, so that the first numbers of two fingerprints have some in common, too.
    """
    if not is_varied(fingerprint):
        return []
    marks = {value >> 32 - _LANDMARK_BITS for value in _values(fingerprint)}
    return sorted((mark for mark in marks if mark % 2), key=_mixed)


def _mixed(mark: int) -> int:
    """Return a number that says nothing about the sound (Knuth's multiplicative hash)."""
    return mark * 2_654_435_761 % 2**32


def _values(fingerprint: bytes) -> list[int]:
    return [
        int.from_bytes(fingerprint[at : at + 4], "little") for at in range(0, len(fingerprint), 4)
    ]
