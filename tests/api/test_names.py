"""Names in a body that clients cannot send."""

import pytest

from library.api.errors import NOT_NAMES
from library.api.names import LONGEST, MOST_NAMED, wrong_names
from library.api.parameters import CLIP_STATISTICS, LIBRARY_STATISTICS, LIST
from library.api.representation import FIELDS
from library.api.serializers import READ_ONLY, WRITABLE


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *(("license", "licence"), ("titel", "title"), ("Title", "title"), ("genres", "genre")),
        *(("audioUrl", "audio_url"), ("creatorURL", "creator_url"), ("tag", "tags")),
    ],
)
def test_close_name_is_suggested(name: str, meant: str) -> None:
    [error] = wrong_names({name: 1}, WRITABLE, READ_ONLY)[name]
    assert f"Unknown field “{name}”. Did you mean “{meant}”?" in error
    assert error.code == "unknown"


@pytest.mark.parametrize("name", ["", "xyz", "a" * 10_000, "__proto__"])
def test_valid_names_are_listed_without_a_wild_guess(name: str) -> None:
    [[error]] = wrong_names({name: 1}, WRITABLE, READ_ONLY).values()
    assert error.endswith(f"The fields are: {', '.join(WRITABLE)}.")
    assert "Did you mean" not in error


@pytest.mark.parametrize("name", sorted(READ_ONLY))
def test_read_only_field_cannot_be_set(name: str) -> None:
    [error] = wrong_names({name: 1}, WRITABLE, READ_ONLY)[name]
    assert (error, error.code) == ("This field cannot be set. Leave it out.", "read_only")


@pytest.mark.parametrize("name", sorted(NOT_NAMES))
def test_name_with_a_meaning_in_answers_is_no_key(name: str) -> None:
    [error] = wrong_names({name: 1}, WRITABLE, READ_ONLY)["non_field_errors"]
    assert f"“{name}”" in error


def test_no_field_or_parameter_has_a_name_with_a_meaning_in_answers() -> None:
    names = {*FIELDS, *LIST, *CLIP_STATISTICS, *LIBRARY_STATISTICS}
    assert not names & NOT_NAMES


def test_answer_to_thousands_of_wrong_names_is_short() -> None:
    found = wrong_names({f"{'x' * 500}{number}": 1 for number in range(5000)}, WRITABLE, READ_ONLY)
    assert sum(len(errors) for errors in found.values()) == MOST_NAMED + 1
    assert max(map(len, found)) <= LONGEST
    assert found["non_field_errors"] == [
        f"{5000 - MOST_NAMED} more fields are unknown or cannot be set."
    ]
