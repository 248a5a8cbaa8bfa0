"""The clips that a clip's page suggests as "More clips".

These are clips of the same creator, then clips that share a tag, then clips of the same genre, the
newest first. How clips sound is not compared: see docs/decisions/0015-no-similar-clips.md.
"""

from library.models import Clip
from library.models.clip import AVAILABLE
from library.models.rows import read

SHOWN = 6
NEWEST, SOME = 1_000, 500  # clips that are searched for tags: the newest, and any with the tags
_OTHERS = f"id <> %(id)s AND {AVAILABLE}"


def _of_value(column: str) -> str:
    """Return a query that reads the index of a column backwards.

    With an equality, PostgreSQL would read the newest clips until some have the value, which may be
    all clips.
    """
    value, wanted = f"lower({column})", f"lower(%({column})s)"
    return f"""
    SELECT id FROM library_clip
    WHERE {value} >= {wanted} AND {value} <= {wanted} AND {column} IS NOT NULL AND {_OTHERS}
    ORDER BY {value} DESC, id DESC LIMIT {SHOWN}"""  # noqa: S608 - all parts are constants


# A common tag is found among the newest clips, and a rare one in the index of tags.
_NEWEST_TAGGED = f"""
    SELECT id FROM (
        SELECT id, tags FROM library_clip WHERE {_OTHERS} ORDER BY id DESC LIMIT {NEWEST}
    ) AS newest
    WHERE tags && %(tags)s::varchar[] ORDER BY id DESC LIMIT {SHOWN}"""  # noqa: S608 - as above
_SOME_TAGGED = f"""
    SELECT id FROM (
        SELECT id FROM library_clip WHERE tags && %(tags)s::varchar[] AND {_OTHERS} LIMIT {SOME}
    ) AS tagged
    ORDER BY id DESC LIMIT {SHOWN}"""  # noqa: S608 - as above
STATEMENT = " UNION ALL ".join(
    f"({query})"
    for query in (_of_value("creator"), _NEWEST_TAGGED, _SOME_TAGGED, _of_value("genre"))
)


def more_clips(clip: Clip) -> list[Clip]:
    """Return at most SHOWN other clips that the public may see. Runs at most two queries."""
    values = {"id": clip.pk, "creator": clip.creator, "tags": clip.tags, "genre": clip.genre}
    found = [row["id"] for row in read(STATEMENT, values)]
    ids = list(dict.fromkeys(found))[:SHOWN]
    clips = Clip.objects.available().defer("search_vector").in_bulk(ids)
    return [clips[pk] for pk in ids if pk in clips]
