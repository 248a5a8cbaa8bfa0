"""Conditions and ranks of queries, in SQL and for querysets."""

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import F, Value
from django.db.models.expressions import CombinedExpression

from library.search.language import parse

# A query in SQL, whose value is `match_of(text)`.
MATCH_SQL = "search_vector @@ %s::tsquery"
# A clip that has the words as they are typed precedes one that has longer words or other forms. The
# values are `rank_values(text)`. The rank is a double, since cursors contain it and a `real` would
# not survive the way through Python and back.
RANK_SQL = (
    "(ts_rank(search_vector, %s::tsquery) + ts_rank(search_vector, %s::tsquery))::double precision"
)


class ClipQuery(SearchQuery):
    """A query as PostgreSQL reads it, for conditions on a vector of words."""

    template = "%(expressions)s::tsquery"

    def __init__(self, text: str) -> None:
        super().__init__(Value(text), search_type="raw")


def match_of(text: str) -> str:
    """Return the condition of the query as a `tsquery`. Raises OnlyExcludedError."""
    return parse(text).match


def rank_values(text: str) -> tuple[str, str]:
    """Return the values of RANK_SQL. Raises OnlyExcludedError."""
    query = parse(text)
    return query.match, query.exact


def search_query(text: str) -> SearchQuery:
    """Return the condition of the query for a vector of words. Raises OnlyExcludedError."""
    return ClipQuery(match_of(text))


def search_rank(text: str) -> CombinedExpression:
    """Return the rank of clips that match the query. Raises OnlyExcludedError."""
    match, exact = (SearchRank(F("search_vector"), ClipQuery(part)) for part in rank_values(text))
    return match + exact
