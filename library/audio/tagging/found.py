"""The values that tags have, limited in number and length: they are text of strangers."""

from collections.abc import Iterable

MOST_VALUES = 20  # of one name
MOST_CHARACTERS = 10_000  # of one value
MOST_BYTES = 65_536  # of one value in a file

# title, description, comment, genre, tags, creator, creator_url, licence and isrc
Tags = dict[str, list[str]]


def add(tags: Tags, name: str, texts: Iterable[str]) -> None:
    """Add values that are not blank to a name."""
    values = tags.setdefault(name, [])
    for text in texts:
        text = text.strip("\0 \t\r\n\ufeff")[:MOST_CHARACTERS]
        if text and text not in values and len(values) < MOST_VALUES:
            values.append(text)
    if not values:
        del tags[name]


def completed(tags: Tags, others: Tags) -> Tags:
    """Return the tags, and those of the others whose name they lack."""
    return others | tags


def plain(content: bytes) -> str:
    """Return text whose encoding its format leaves open: UTF-8, else that of Western Windows."""
    content = content.split(b"\0")[0]
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "ignore")
