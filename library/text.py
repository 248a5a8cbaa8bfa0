"""Text that people write: composed (NFC), without characters that hide or reorder other text."""

import re
import unicodedata

from django.core.exceptions import ValidationError

# Refused, as parts of a pattern: control characters (Cc), line separators (Zl, Zp), deprecated
# format characters and those of annotations, noncharacters, and characters that change the
# direction of text (Bidi_Control in PropList.txt), which can make a text look like another.
DIRECTION = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_ANYWHERE = DIRECTION + r"\u2028\u2029\u2065-\u206f\ufdd0-\ufdef\ufff0-\ufffb\ufffe\uffff"
HIDDEN_IN_LINE = r"\x00-\x1f\x7f-\x9f" + _ANYWHERE
HIDDEN_IN_BLOCK = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f" + _ANYWHERE  # has tabs and line breaks
# Invisible, but with a use beside other characters, such as joiners and variation selectors: these
# are Default_Ignorable_Code_Point in DerivedCoreProperties.txt. The rest are symbols without ink.
INVISIBLE = (
    r"\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8" + r"\u2800\ufffc"
)
# The same above U+FFFF, which not all readers of the API's description understand. Tags are refused
# except in the flags of regions, such as Scotland (UTS 51, section 2.4.3), and surrogates always.
_TAGS = r"\U000e0000-\U000e007f"
_FLAG = r"\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
_HIDDEN = r"\ud800-\udfff" + _TAGS + "".join(rf"\U{p:04x}fffe\U{p:04x}ffff" for p in range(1, 17))
_INVISIBLE = r"\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
_IN_LINE, _IN_BLOCK = (
    re.compile(f"{_FLAG}|([{hidden}{_HIDDEN}])") for hidden in (HIDDEN_IN_LINE, HIDDEN_IN_BLOCK)
)
_VISIBLE = re.compile(rf"[^\s{INVISIBLE}{_INVISIBLE}]")


def composed(text: str) -> str:
    """Return the text with composed characters (NFC), so that equal texts are equal strings."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def without_hidden(text: str) -> str:
    """Return a text of several lines without the characters that `validate_block` refuses."""
    return _IN_BLOCK.sub(lambda match: "" if match[1] else match[0], text)


def validate_line(text: str) -> None:
    """Raise ValidationError for a line with a hidden character, such as a line break, or only such.

    Empty text is valid: the field decides whether it needs one.
    """
    _refuse(_IN_LINE, text)


def validate_block(text: str) -> None:
    """Raise ValidationError as `validate_line` does, but accept tabs and line breaks."""
    _refuse(_IN_BLOCK, text)


def _refuse(hidden: re.Pattern[str], text: str) -> None:
    found = next((match for match in hidden.finditer(text) if match[1]), None)
    if found:
        raise ValidationError(
            f"Remove the character U+{ord(found[0]):04X} at position {found.start() + 1}. Control "
            "characters, line separators, tag characters, noncharacters and characters that change "
            "the direction of text are not allowed.",
            code="hidden_character",
        )
    if text and not _VISIBLE.search(text):
        raise ValidationError("Enter at least one visible character.", code="blank")
