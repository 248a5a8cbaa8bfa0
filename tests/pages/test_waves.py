"""Waveforms that pages draw."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from library.models import AudioAnalysis, Clip
from library.pages.waves import BARS, HEIGHT, path_of, paths_of
from library.sound.waveform import Peaks
from tests.support.analyses import analysed


def peaks(*blocks: int) -> Peaks:
    """Return peaks of blocks of one sample, each as far below zero as above."""
    return Peaks(8, len(blocks), 1, [-value for value in blocks], list(blocks))


def bars_of(path: str) -> list[int]:
    """Return the height of each bar."""
    return [int(height) for height in re.findall(r"M\d+ \d+v(\d+)", path)]


def test_waveform_is_drawn_over_its_sound() -> None:
    """The audio is silent for two fifths of its length."""
    bars = bars_of(path_of(peaks(*[0] * 40, *[9_000] * 60)))
    assert len(bars) == BARS
    assert bars[:38] == [2] * 38  # a line
    assert bars[38:] == [HEIGHT] * 58


@pytest.mark.parametrize("level", [0, 1, 32_767])
def test_loudest_bar_fills_the_box_unless_all_is_silent(level: int) -> None:
    assert max(bars_of(path_of(peaks(level, 0, 0)))) == (HEIGHT if level else 2)


def test_waveforms_of_a_page_are_read_with_one_query_and_kept(
    make_clip: Callable[..., Clip],
) -> None:
    for _ in range(3):
        analysed(make_clip())
    make_clip(title="Not analysed")
    clips = list(Clip.objects.order_by("pk"))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = paths_of(clips)
        assert paths_of(clips) == found
    assert len(queries) == 1
    assert list(found) == [clip.pk for clip in clips[:3]]


def test_waveform_of_other_audio_is_not_drawn(make_clip: Callable[..., Clip]) -> None:
    """The clip's facts and its peaks are written apart when its audio changes."""
    clip = make_clip()
    analysed(clip)
    AudioAnalysis.objects.update(audio_etag='"other"')
    clip.refresh_from_db()
    assert paths_of([clip]) == {}
