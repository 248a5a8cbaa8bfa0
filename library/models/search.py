"""Full text of clips: what PostgreSQL keeps of each for searching, and how it is asked.

The configuration is `simple`: words as they are written, in any language, without stemming or stop
words. A search word finds each word that it begins, so `drum` finds `drums`.
"""

from string import punctuation

from django.contrib.postgres.search import (
    SearchQuery,
    SearchRank,
    SearchVector,
)
from django.db.models import CharField, Expression, F, FloatField, Func, TextField, Value
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Cast

CONFIG = "simple"
# PostgreSQL's parser would take `rock/pop` for a file's path and `v1.2` for a version: one word.
_SPACES = str.maketrans(dict.fromkeys(punctuation, " "))


def _vector(text: Expression | F, weight: str) -> SearchVector:
    spaced = Func(
        text,
        Value(punctuation),
        Value(" " * len(punctuation)),
        function="translate",
        output_field=TextField(),
    )
    return SearchVector(spaced, config=CONFIG, weight=weight)


def clip_vector() -> CombinedExpression:
    """The words of a clip: the title's weigh most, then tags and creator, then the description.

    A generated column takes immutable functions alone, which `array_to_string` is not; a tsvector
    of the tags as text is.
    """
    tags = Cast(
        Func(F("tags"), function="array_to_tsvector", output_field=CharField()), TextField()
    )
    return (
        _vector(F("title"), "A")
        + _vector(tags, "B")
        + _vector(F("creator"), "B")
        + _vector(F("description"), "C")
    )


def search_query(text: str) -> SearchQuery:
    """Clips with all words of the text, each as the beginning of a word; none if it has no words.

    Nothing in the text is an operator: punctuation is gone before PostgreSQL sees it.
    """
    words = text.translate(_SPACES).split()
    return SearchQuery(
        " & ".join(f"'{word}':*" for word in words), config=CONFIG, search_type="raw"
    )


def search_rank(query: SearchQuery) -> Cast:
    """How well a clip matches, as a double: PostgreSQL's own `real` would not survive the way
    through Python and back unchanged, as a cursor needs it to.
    """
    return Cast(SearchRank(F("search_vector"), query), FloatField())
