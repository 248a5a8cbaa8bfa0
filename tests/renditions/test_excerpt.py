"""The excerpt of a preview: its defaults, its limits, and contradictions."""

import pytest

from library.renditions.excerpt import Choice, Excerpt, excerpt, mistakes
from library.sound.rendition import Rendition

QUIET_THEN_LOUD = [-40.0] * 60 + [-10.0] * 38  # 100 s; the loud part starts at second 61


def test_default_is_the_loudest_thirty_seconds_with_fades() -> None:
    found = excerpt(Choice(), 100, QUIET_THEN_LOUD)
    assert 60 <= found.start <= 70
    assert found[1:] == (30, 0.1, 1.0 if found.start < 70 else 0.0)


def test_default_of_short_audio_is_everything_without_fades() -> None:
    assert excerpt(Choice(), 12.5, [-20.0] * 10) == Excerpt(0, 12.5, 0, 0)


def test_given_values_are_kept() -> None:
    assert excerpt(Choice(2, 8, 0.5, 0), 100, QUIET_THEN_LOUD) == Excerpt(2, 8, 0.5, 0)


def test_excerpt_ends_with_the_audio() -> None:
    assert excerpt(Choice(start=90), 100, QUIET_THEN_LOUD) == Excerpt(90, 10, 0.1, 0)


def test_start_beyond_the_audio_that_there_is_now_counts_as_not_chosen() -> None:
    assert excerpt(Choice(start=20, length=8), 10, ()) == excerpt(Choice(length=8), 10, ())
    assert excerpt(Choice(start=20), 0.1, ()) == Excerpt(0, 0.1, 0, 0)


def test_start_of_the_audio_has_no_fade() -> None:
    assert excerpt(Choice(start=0, length=8), 100, ()) == Excerpt(0, 8, 0, 1)


@pytest.mark.parametrize("choice", [Choice(3, 5, 5, None), Choice(3, 5, None, 4.95)])
def test_default_fade_gets_the_rest_of_the_excerpt(choice: Choice) -> None:
    found = excerpt(choice, 100, ())
    assert found.fade_in + found.fade_out == pytest.approx(5)


@pytest.mark.parametrize(
    ("choice", "duration", "fades"),
    [
        (Choice(0, 30, 4, 4), 6, (3, 3)),
        (Choice(0, 30, 4, None), 2, (2, 0)),
        (Choice(0, 30, None, 10), 2, (0, 2)),
        (Choice(3, 5, 3, 2), 4, (0.6, 0.4)),
        (Choice(0, 60, 10, 5), 0.05, (0.1 * 10 / 15, 0.1 * 5 / 15)),
    ],
)
def test_fades_are_scaled_to_audio_that_is_shorter_than_expected(
    choice: Choice, duration: float, fades: tuple[float, float]
) -> None:
    found = excerpt(choice, duration, ())
    assert (found.fade_in, found.fade_out) == pytest.approx(fades)
    Rendition("mp3", **found._asdict())


@pytest.mark.parametrize("hundredths", range(500, 700, 7))
def test_fades_that_fill_the_preview_are_possible(hundredths: int) -> None:
    length = hundredths / 100
    for fade_in in (0.07, 0.1, 1.1, 2.23):
        choice = Choice(0, length, fade_in, round(length - fade_in, 2))
        assert mistakes(choice, 30) == {}
        Rendition("mp3", **excerpt(choice, 30, ())._asdict())


@pytest.mark.parametrize(
    ("choice", "duration", "field"),
    [
        (Choice(start=30), 30, "preview_start"),
        (Choice(start=29.95), 30, "preview_start"),
        (Choice(length=5, fade_in=3, fade_out=2.1), 30, "preview_fade_in"),
        (Choice(length=5, fade_in=1, fade_out=4.1), 30, "preview_fade_out"),
        (Choice(start=28, fade_out=3), 30, "preview_fade_out"),
        (Choice(fade_in=3), 2.0, "preview_fade_in"),
        (Choice(length=5, fade_in=3, fade_out=3), None, "preview_fade_in"),
    ],
)
def test_contradiction_is_found(choice: Choice, duration: float | None, field: str) -> None:
    assert list(mistakes(choice, duration)) == [field]


@pytest.mark.parametrize(
    ("choice", "duration"),
    [
        (Choice(), 2.0),
        (Choice(start=0), 0.05),
        (Choice(start=29, length=30), 30),
        (Choice(length=5, fade_in=2.5, fade_out=2.5), 30),
        (Choice(start=3000, length=5, fade_in=5), None),
    ],
)
def test_possible_choice_is_accepted(choice: Choice, duration: float | None) -> None:
    assert mistakes(choice, duration) == {}
