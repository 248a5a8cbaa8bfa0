"""Tags: lower-case words on a clip, kept in an array beside its other fields.

An array, not a table of tags: a clip and its tags are read in one query whatever the page's size,
`tags__contains` finds clips that bear all of several tags by one GIN index, a form edits them as
one line, a bulk edit is one UPDATE, and whatever changes them changes `updated_at` as any field's
change does. A tag has no facts of its own that would need a row.
"""

import unicodedata
from collections.abc import Iterable

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db.models import CharField, F, Func, Value
from django.db.models.expressions import Combinable

MAX_TAGS = 20
MAX_TAG_LENGTH = 40
_TAG = CharField(max_length=MAX_TAG_LENGTH)
_TAGS = ArrayField(_TAG)
_EACH_ONCE = (  # where it is first
    "ARRAY(SELECT tag FROM unnest(%(expressions)s) WITH ORDINALITY AS listed (tag, place)"
    " GROUP BY tag ORDER BY min(place))"
)


def normalise_tag(text: str) -> str:
    """The one form of a tag: lower case, composed characters, one space between words.

    Raises ValidationError.
    """
    tag = " ".join(unicodedata.normalize("NFC", text).lower().split())
    if not tag:
        raise ValidationError("A tag needs a letter or more.", code="blank")
    if len(tag) > MAX_TAG_LENGTH:
        raise ValidationError(
            f"“{tag[:20]}…” is too long: a tag has at most {MAX_TAG_LENGTH} characters.",
            code="max_length",
        )
    if "," in tag or any(unicodedata.category(character) == "Cc" for character in tag):
        raise ValidationError(
            "A tag holds no commas and no control characters; give each tag by itself.",
            code="invalid",
        )
    return tag


def normalise_tags(texts: Iterable[str]) -> list[str]:
    """Each tag once, in the order given. Raises ValidationError."""
    tags = list(dict.fromkeys(normalise_tag(text) for text in texts))
    if len(tags) > MAX_TAGS:
        raise ValidationError(f"A clip has at most {MAX_TAGS} tags.", code="max_length")
    return tags


def edited_tags(tags: Iterable[str], add: Iterable[str], remove: Iterable[str]) -> list[str]:
    """The tags with some added at their end, where they are not there yet, and some removed."""
    removed = set(remove)
    return [tag for tag in dict.fromkeys((*tags, *add)) if tag not in removed]


def with_edited_tags(add: Iterable[str], remove: Iterable[str]) -> Func:
    """`edited_tags` of a clip's own tags, for an UPDATE: so it works on what they are by then."""
    edited: Combinable = Func(F("tags"), Value(list(add), _TAGS), function="array_cat")
    for tag in remove:
        edited = Func(edited, Value(tag, _TAG), function="array_remove")
    return Func(edited, template=_EACH_ONCE, output_field=_TAGS)
