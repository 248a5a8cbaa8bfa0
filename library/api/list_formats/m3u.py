"""Playlists: extended M3U in UTF-8, for players such as VLC, mpv and foobar2000."""

from collections.abc import Iterator

from library.api.list_formats.pages import Page
from library.api.list_formats.playable import duration_of

UNKNOWN = -1  # seconds, as players expect it


def render(page: Page) -> bytes:
    """Return the playlist. Durations are in whole seconds, since many players read no others."""
    return "\n".join((*_lines(page), "")).encode()


def _lines(page: Page) -> Iterator[str]:
    yield "#EXTM3U"
    yield f"#PLAYLIST:{_line(page.title)}"
    for row in page.rows:
        duration = duration_of(row)
        seconds = UNKNOWN if duration is None else max(1, int(duration + 0.5))
        name = " - ".join(text for text in (row["creator"], row["title"]) if text)
        yield f"#EXTINF:{seconds},{_line(name)}"
        yield page.stream_url(row)


def _line(text: str) -> str:
    """Return the text in one line. Values that SQL has written may have line breaks."""
    return " ".join(text.split())
