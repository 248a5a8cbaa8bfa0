"""Full-text search of clips in PostgreSQL.

The configuration is `simple`: words as they are written, in any language, without stemming or stop
words. A search word also matches longer words that start with it, so `drum` finds `drums`.
"""

from string import punctuation

from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVectorField
from django.db.models import F, FloatField, Func
from django.db.models.functions import Cast

CONFIG = "simple"
# A database function (migration 0003). Words of the title weigh most, then those of tags and
# creator, then those of the description. Like `search_query` it replaces punctuation by spaces:
# PostgreSQL's parser would take `rock/pop` for a path and `v1.2` for a version, one word each.
CLIP_WORDS = Func(
    "title",
    "tags",
    "creator",
    "description",
    function="library_clip_words",
    output_field=SearchVectorField(),
)
# The words of a single text (migration 0006). The log of changes has an index of them.
NAME_WORDS = Func("object_repr", function="library_words", output_field=SearchVectorField())
_SPACES = str.maketrans(dict.fromkeys(punctuation, " "))


def search_query(text: str) -> SearchQuery:
    """Return a query for all words of the text; it matches nothing if the text has no words.

    The text cannot contain operators, because punctuation is removed first.
    """
    words = text.translate(_SPACES).split()
    return SearchQuery(
        " & ".join(f"'{word}':*" for word in words), config=CONFIG, search_type="raw"
    )


def search_rank(query: SearchQuery) -> Cast:
    """Return the rank of a match as a double.

    Cursors contain it, and PostgreSQL's `real` would not survive the way through Python and back.
    """
    return Cast(SearchRank(F("search_vector"), query), FloatField())
