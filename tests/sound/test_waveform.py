"""Points, BBC audiowaveform and images from stored peaks."""

import json
from array import array
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.sound.waveform import MOST_POINTS, Peaks, audiowaveform, points, svg


def peaks(samples: int, block: int = 8, rate: int = 48_000) -> Peaks:
    """Return peaks whose block number n is from -n to n."""
    count = -(-samples // block)
    return Peaks(rate, samples, block, [-n for n in range(count)], list(range(count)))


@given(st.integers(1, 50_000), st.sampled_from([8, 64, 1024]), st.integers(50, MOST_POINTS))
def test_every_count_of_points_covers_every_block(samples: int, block: int, count: int) -> None:
    stored = peaks(samples, block)
    values = points(stored, count)
    assert len(values) == 2 * count
    assert values[-1] == stored.maxima[-1]
    assert values[1::2] == sorted(values[1::2])
    assert values[:2:2] == [stored.minima[0]] or len(stored.minima) > count


@given(st.integers(1, 50_000), st.integers(50, MOST_POINTS))
def test_audiowaveform_lasts_as_long_as_the_audio(samples: int, count: int) -> None:
    waveform = audiowaveform(peaks(samples), count)
    pixels, per_pixel = waveform["length"], waveform["samples_per_pixel"]
    assert pixels <= count
    assert len(waveform["data"]) == 2 * pixels
    assert (pixels - 1) * per_pixel < samples <= pixels * per_pixel


def test_points_hold_what_lies_between_their_edges() -> None:
    stored = Peaks(8, 32, 8, [-1, -2, -3, -4], [5, 6, 7, 8])
    assert points(stored, 2) == [-2, 6, -4, 8]


def test_points_share_a_block_that_they_overlap() -> None:
    stored = Peaks(8, 24, 8, [-1, -2, -3], [1, 2, 3])
    assert points(stored, 2) == [-2, 2, -3, 3]


def test_eight_bits_keep_the_sign() -> None:
    stored = Peaks(8, 8, 8, [-32_768], [32_767])
    assert points(stored, 1, bits=8) == [-128, 127]


def test_audiowaveform_is_version_two_of_the_format() -> None:
    assert audiowaveform(Peaks(8, 16, 8, [-256, -512], [256, 512]), 2) == {
        "version": 2,
        "channels": 1,
        "sample_rate": 8,
        "samples_per_pixel": 8,
        "bits": 8,
        "length": 2,
        "data": [-1, 1, -2, 2],
    }


@pytest.mark.parametrize("samples", [1, 8, 9, 50_000])
def test_stored_form_returns_the_peaks(samples: int) -> None:
    original = peaks(samples)
    restored = Peaks.from_bytes(original.to_bytes())
    assert restored._replace(minima=[*restored.minima], maxima=[*restored.maxima]) == original


@pytest.mark.parametrize(
    "damage",
    [
        lambda stored: b"",
        lambda stored: stored[:10],
        lambda stored: stored[:-5],
        lambda stored: b"\x02" + stored[1:],
        lambda stored: stored[:5] + b"\0\0\0\0" + stored[9:],
        lambda stored: stored[:17] + b"\xff\xff\xff\xff" + stored[21:],
        lambda stored: stored[:21] + b"garbage",
    ],
)
def test_damaged_stored_form_is_refused(damage) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError):
        Peaks.from_bytes(damage(peaks(1_000).to_bytes()))


def test_stored_form_is_compact() -> None:
    values = array("h", range(-4_096, 4_096))
    assert len(Peaks(48_000, 8_192 * 8, 8, values, values).to_bytes()) < 33_000


def test_svg_is_a_stretched_polygon() -> None:
    image = svg(peaks(8_000), 100, width=600, height=80, color="#123456", background="white")
    root = ElementTree.fromstring(image)
    polygon = root.find("{http://www.w3.org/2000/svg}polygon")
    assert polygon is not None
    assert (root.get("width"), root.get("preserveAspectRatio")) == ("600", "none")
    assert len(polygon.get("points", "").split()) == 200


def test_values_are_json() -> None:
    restored = Peaks.from_bytes(peaks(1_000).to_bytes())
    assert json.loads(json.dumps(points(restored, 50))) == points(restored, 50)
