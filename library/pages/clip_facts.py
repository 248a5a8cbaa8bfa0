"""What the page of a clip says about its licence and its files."""

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.template.defaultfilters import filesizeformat

from library.api.list_formats.playable import Playable
from library.audio.containers.results import type_name
from library.licences import Licence
from library.models import Part

_FORMATS = {"mp3": "MP3", "opus": "Opus", "aac": "AAC"}


class Download(NamedTuple):
    """A file to download; `size` is empty if it is unknown."""

    name: str
    path: str
    size: str


class Term(NamedTuple):
    """Whether a licence allows something."""

    text: str
    allowed: bool = True


def downloads(shown: dict[str, Any], playable: Playable) -> list[Download]:
    """Return the files of a clip, from its JSON and the facts of its stream."""
    files = []
    if settings.CLIPS_PUBLISH == Part.WHOLE:
        name = "Original" + (f", {kind}" if (kind := type_name(playable.content_type)) else "")
        files.append(Download(name, _download(shown["stream_url"]), _size(playable.size)))
    for made in shown["renditions"]:
        part = "Preview" if made["part"] == Part.PREVIEW else "Whole"
        name = f"{part}, {_FORMATS.get(made['format'], made['format'])}, {made['quality']} quality"
        files.append(Download(name, _download(made["url"]), _size(made["size_bytes"])))
    return files


def terms_of(licence: Licence) -> list[Term]:
    """Return what a licence allows and demands."""
    parts = licence.family.split("-")
    free = licence.family in ("CC0", "CC-PDM")
    same = "SA" in parts
    return [
        Term("Share it" if free else "Share it, with credit"),
        Term("Use it commercially", allowed=licence.commercial_use),
        Term(
            "Change it, and share that under the same licence" if same else "Change it",
            allowed=licence.derivatives,
        ),
    ]


def _download(url: str) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}download=1"


def _size(size: int | None) -> str:
    return "" if size is None else filesizeformat(size)
