"""Text that people write: composed (NFC), without characters that hide or reorder other text."""

import re
import unicodedata

from django.core.exceptions import ValidationError

# Control characters (Cc), and those that change the direction of text (Bidi_Control in Unicode's
# PropList.txt), which can make a text look like another one. As parts of a pattern.
DIRECTION = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
HIDDEN_IN_LINE = r"\x00-\x1f\x7f-\x9f" + DIRECTION
HIDDEN_IN_BLOCK = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f" + DIRECTION  # has tabs and line breaks
_IN_LINE, _IN_BLOCK = (re.compile(f"[{hidden}]") for hidden in (HIDDEN_IN_LINE, HIDDEN_IN_BLOCK))


def composed(text: str) -> str:
    """Return the text with composed characters (NFC), so that equal texts are equal strings."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def validate_line(text: str) -> None:
    """Raise ValidationError if a line has a hidden character, such as a line break."""
    _refuse(_IN_LINE, text)


def validate_block(text: str) -> None:
    """Raise ValidationError if a text has a hidden character besides tabs and line breaks."""
    _refuse(_IN_BLOCK, text)


def _refuse(hidden: re.Pattern[str], text: str) -> None:
    if found := hidden.search(text):
        raise ValidationError(
            f"Remove the character U+{ord(found[0]):04X} at position {found.start() + 1}. Control "
            "characters and characters that change the direction of text are not allowed.",
            code="hidden_character",
        )
