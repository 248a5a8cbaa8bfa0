"""Full-text search of clips in PostgreSQL.

The configuration is `simple`: words as they are written, in any language, without stemming or stop
words. A search word also matches longer words that start with it, so `drum` finds `drums`.
"""

from string import punctuation

from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVectorField
from django.db.models import F, FloatField, Func
from django.db.models.functions import Cast

from library.text import composed

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
# A query and a rank in SQL, for the API; the value is a `raw_query`. The rank is a double, since
# cursors contain it and a `real` would not survive the way through Python and back.
QUERY_SQL = f"to_tsquery('{CONFIG}', %s)"
RANK_SQL = f"ts_rank(search_vector, {QUERY_SQL})::double precision"
_SPACES = str.maketrans(dict.fromkeys(punctuation, " "))


def search_query(text: str) -> SearchQuery:
    """Return a query for all words of the text; it matches nothing if the text has no words.

    The text cannot contain operators, because punctuation is removed first.
    """
    return SearchQuery(raw_query(text), config=CONFIG, search_type="raw")


def raw_query(text: str) -> str:
    """Return the same query as an argument of `to_tsquery`."""
    words = composed(text).translate(_SPACES).split()
    return " & ".join(f"'{word}':*" for word in words)


def search_rank(query: SearchQuery) -> Cast:
    """Return the rank of a match as a double."""
    return Cast(SearchRank(F("search_vector"), query), FloatField())
