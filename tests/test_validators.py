"""ISRCs (ISO 3901) are accepted as people write them and stored in one form."""

import pytest
from django.core.exceptions import ValidationError

from library.validators import normalise_isrc


@pytest.mark.parametrize(
    "text",
    [
        "USS1Z9900001",
        "us-s1z-99-00001",
        " US S1Z 99 00001 ",
        "ISRC US-S1Z-99-00001",
        "isrc: uss1z9900001",
        "US\u2013S1Z\u201399\u201300001",  # en dashes, as text editors write them
    ],
)
def test_spellings_of_an_isrc_become_one(text: str) -> None:
    assert normalise_isrc(text) == "USS1Z9900001"


@pytest.mark.parametrize("text", ["ISRC12345678", "ISRC ISRC12345678"])
def test_country_and_registrant_may_spell_isrc(text: str) -> None:
    assert normalise_isrc(text) == "ISRC12345678"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("US-S1Z-99-0001", "Enter 12 letters and digits, not 11."),
        ("", "Enter 12 letters and digits, not 0."),
        ("1S-S1Z-99-00001", "The country code must be two letters."),
        ("US-S_Z-99-00001", "The registrant code must be three letters or digits."),
        ("U\u00df-S1Z-99-00001", "The country code must be two letters."),
        ("US-S1Z-9X-00001", "The year must be two digits."),
        ("US-S1Z-99-0000O", "The designation code must be five digits."),
        ("US-S1Z-99-0000\u0661", "The designation code must be five digits."),
        ("USS1Z990000\0", "The designation code must be five digits."),
    ],
)
def test_invalid_isrc_is_refused_with_the_wrong_element(text: str, problem: str) -> None:
    with pytest.raises(ValidationError) as refused:
        normalise_isrc(text)
    assert refused.value.messages == [f"{problem} An ISRC looks like US-S1Z-99-00001."]
