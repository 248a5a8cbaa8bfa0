"""The renditions that can be requested: 2 parts in 3 formats and 2 qualities."""

from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Q

from library.models import Format, Part, Quality, Rendition


class Variant(NamedTuple):
    """A part of the audio in a format and a quality, as the API names them."""

    part: str
    format: str
    quality: str

    def __str__(self) -> str:
        return "-".join(self)

    @classmethod
    def of(cls, made: dict[str, Any]) -> "Variant":
        """Return the variant of a rendition in a clip's row."""
        return cls(made["part"], made["format"], made["quality"])

    def listed_in(self, renditions: Sequence[dict[str, Any]] | None) -> dict[str, Any] | None:
        """Return the rendition of this variant among those of a clip that can be played."""
        for made in renditions or ():
            if Variant.of(made) == self:
                return made
        return None


# In the order in which clips list their renditions.
VARIANTS = tuple(
    Variant(str(part), str(form), str(quality))
    for part, form, quality in product((Part.PREVIEW, Part.WHOLE), Format, reversed(Quality))
)
BY_NAME = {str(variant): variant for variant in VARIANTS}
# Played if the request does not choose.
DEFAULT_FORMAT, DEFAULT_QUALITY = str(Format.MP3), str(Quality.HIGH)
DEFAULT_PREVIEW = Variant(str(Part.PREVIEW), DEFAULT_FORMAT, DEFAULT_QUALITY)


def variant_of(row: Rendition) -> Variant:
    """Return the variant that a row describes."""
    return Variant(row.part, row.format, row.quality)


def in_advance() -> tuple[Variant, ...]:
    """Return the variants that are made without a request."""
    return tuple(variant for variant in VARIANTS if str(variant) in settings.CLIPS_RENDITIONS)


def on_demand() -> Q:
    """Return the condition for rows of the other variants."""
    condition = Q()
    for variant in in_advance():
        condition &= ~Q(**variant._asdict())
    return condition
