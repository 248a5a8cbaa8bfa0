"""The clips that a clip's page suggests as "More clips".

These are clips of the same creator, then clips that share a tag, then clips of the same genre, the
newest first. How clips sound is not compared: see docs/decisions/0015-no-similar-clips.md.
"""

from library.models import Clip
from library.models.clip import AVAILABLE
from library.models.rows import read

SHOWN = 6


def _branch(condition: str) -> str:
    return f"""(
    SELECT id FROM library_clip
    WHERE {condition} AND id <> %(id)s AND {AVAILABLE} ORDER BY id DESC LIMIT {SHOWN}
)"""  # noqa: S608 - all parts are constants


# Each branch reads one index, backwards or a few rows of it.
_STATEMENT = " UNION ALL ".join(
    (
        _branch("lower(creator) = lower(%(creator)s) AND creator IS NOT NULL"),
        _branch("tags && %(tags)s::varchar[]"),
        _branch("lower(genre) = lower(%(genre)s)"),
    )
)


def more_clips(clip: Clip) -> list[Clip]:
    """Return at most SHOWN other clips that the public may see. Runs at most two queries."""
    values = {"id": clip.pk, "creator": clip.creator, "tags": clip.tags, "genre": clip.genre}
    found = [row["id"] for row in read(_STATEMENT, values)]
    ids = list(dict.fromkeys(found))[:SHOWN]
    clips = Clip.objects.defer("search_vector").in_bulk(ids)
    return [clips[pk] for pk in ids if pk in clips]
