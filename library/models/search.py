"""Full text of clips: what PostgreSQL keeps of each for searching, and how it is asked.

The configuration is `simple`: words as they are written, in any language, without stemming or stop
words. A search word finds each word that it begins, so `drum` finds `drums`.
"""

from string import punctuation

from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVectorField
from django.db.models import F, FloatField, Func
from django.db.models.functions import Cast

CONFIG = "simple"
# A function of the database (migration 0003): the title's words weigh most, then those of tags and
# creator, then the description's. It, too, makes spaces of punctuation, or PostgreSQL's parser
# would take `rock/pop` for a file's path and `v1.2` for a version: one word each.
CLIP_WORDS = Func(
    "title",
    "tags",
    "creator",
    "description",
    function="library_clip_words",
    output_field=SearchVectorField(),
)
# The words of a text alone, likewise (migration 0006). The log of changes has an index of them.
NAME_WORDS = Func("object_repr", function="library_words", output_field=SearchVectorField())
_SPACES = str.maketrans(dict.fromkeys(punctuation, " "))


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
