"""The genres, tags and creators in use, to suggest them in forms and filters."""

from collections import Counter

from django.db import connection

from library.models.clip import Clip

MOST_GENRES, MOST_TAGS, MOST_CREATORS = 500, 300, 300
LATEST = 2_000  # clips whose tags and creators are suggested

# Jumps from each genre to the next in the index `clip_genre`, while DISTINCT would read all clips.
# Of several spellings it returns that of the first clip.
_GENRES = """
WITH RECURSIVE genre (name) AS (
    (SELECT genre FROM library_clip ORDER BY lower(genre), id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT clip.genre FROM library_clip AS clip WHERE lower(clip.genre) > lower(name)
        ORDER BY lower(clip.genre), clip.id LIMIT 1
    )
    FROM genre WHERE name IS NOT NULL
)
SELECT name FROM genre WHERE name IS NOT NULL LIMIT %s
"""


def known_genres() -> list[str]:
    """Return all genres in alphabetical order."""
    with connection.cursor() as cursor:
        cursor.execute(_GENRES, [MOST_GENRES])
        return [name for (name,) in cursor.fetchall()]


def known_tags() -> list[str]:
    """Return the tags of the latest clips, the most frequent first."""
    latest = Clip.objects.not_deleted().order_by("-id").values_list("tags", flat=True)[:LATEST]
    counts = Counter(tag for tags in latest for tag in tags)
    return [tag for tag, _ in counts.most_common(MOST_TAGS)]


def known_creators() -> list[str]:
    """Return the creators of the latest clips, the most frequent first."""
    latest = Clip.objects.not_deleted().order_by("-id").values_list("creator", flat=True)[:LATEST]
    counts = Counter(creator for creator in latest if creator)
    return [creator for creator, _ in counts.most_common(MOST_CREATORS)]
