"""What a clip's page says to programs: Open Graph, Twitter Cards, and schema.org in JSON-LD.

Sources: https://ogp.me, https://schema.org/AudioObject, and X's documentation of cards.
"""

import json
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from library.api.list_formats.playable import UNKNOWN_TYPE, Playable
from library.models import Clip
from library.pages.cards import Card
from library.pages.links import EMBED_HEIGHT, EMBED_WIDTH, Links

IMAGE_WIDTH, IMAGE_HEIGHT = 1200, 630  # pixels, as Open Graph's consumers show it best
DESCRIPTION_LENGTH = 200  # characters
# No text can end the element, or begin a comment in it.
_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}

Tag = tuple[str, str, str]  # attribute, name, content


def description_of(card: Card) -> str:
    """Return one line about the clip: its description, or else what it is."""
    clip = card.clip
    text = " ".join(clip.description.split())
    if not text:
        by = f" by {clip.creator}" if clip.creator else ""
        text = f"{clip.genre.capitalize()}{by}, {card.length}."
    return text if len(text) <= DESCRIPTION_LENGTH else f"{text[: DESCRIPTION_LENGTH - 1]}…"


def meta_tags(card: Card, links: Links, audio: Playable) -> list[Tag]:
    """Return the `meta` elements of Open Graph and Twitter Cards."""
    image = links.image(IMAGE_WIDTH, IMAGE_HEIGHT)
    is_secure = links.page.startswith("https://")
    found = [
        ("og:type", "music.song"),
        ("og:site_name", links.site_name),
        ("og:title", card.clip.title),
        ("og:description", description_of(card)),
        ("og:url", links.page),
        ("music:duration", str(max(1, round(card.duration)))),
        ("og:audio", links.stream),
        ("og:audio:secure_url", links.stream if is_secure else ""),
        ("og:audio:type", "" if audio.content_type == UNKNOWN_TYPE else audio.content_type),
    ]
    if image:
        found += [
            ("og:image", image),
            ("og:image:secure_url", image if is_secure else ""),
            ("og:image:type", "image/png"),
            ("og:image:width", str(IMAGE_WIDTH)),
            ("og:image:height", str(IMAGE_HEIGHT)),
            ("og:image:alt", f"Waveform of {card.clip.title}"),
        ]
    tags = [("property", name, content) for name, content in found if content]
    return tags + [("name", name, content) for name, content in _twitter(image, links)]


def _twitter(image: str, links: Links) -> list[tuple[str, str]]:
    """Return a card with the player, which needs HTTPS and an image, or else one without it.

    The title, the description and the image are those of Open Graph.
    """
    if image and links.embed.startswith("https://"):
        return [
            ("twitter:card", "player"),
            ("twitter:player", links.embed),
            ("twitter:player:width", str(EMBED_WIDTH)),
            ("twitter:player:height", str(EMBED_HEIGHT)),
        ]
    return [("twitter:card", "summary_large_image" if image else "summary")]


def json_ld(card: Card, links: Links, audio: Playable) -> SafeString:
    """Return the clip as an AudioObject, to be written into a `script` element."""
    clip = card.clip
    found: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "AudioObject",
        "@id": links.page,
        "url": links.page,
        "name": clip.title,
        "description": description_of(card),
        "genre": clip.genre,
        "keywords": clip.tags or None,
        "contentUrl": links.stream,
        "embedUrl": links.embed,
        "encodingFormat": None if audio.content_type == UNKNOWN_TYPE else audio.content_type,
        "contentSize": None if audio.size is None else str(audio.size),
        "duration": iso_duration(card.duration),
        "uploadDate": clip.created_at.isoformat(),
        "dateModified": clip.updated_at.isoformat(),
        "thumbnailUrl": links.image(IMAGE_WIDTH, IMAGE_HEIGHT) or None,
        "license": clip.terms.url if clip.terms else None,
        "creator": _creator(clip),
        "creditText": clip.attribution,
        "isAccessibleForFree": True,
        "interactionStatistic": {
            "@type": "InteractionCounter",
            "interactionType": {"@type": "ListenAction"},
            "userInteractionCount": clip.play_count,
        },
    }
    text = json.dumps({name: value for name, value in found.items() if value is not None})
    return mark_safe(text.translate(_ESCAPES))  # noqa: S308 - no character of HTML is left


def iso_duration(seconds: float) -> str:
    """Return a duration by ISO 8601, such as PT1M30.5S."""
    minutes, rest = divmod(round(seconds, 3), 60)
    return f"PT{f'{minutes:.0f}M' if minutes else ''}{round(rest, 3):g}S"


def _creator(clip: Clip) -> dict[str, str] | None:
    if not clip.creator:
        return None
    creator = {"@type": "Person", "name": clip.creator}
    return creator | ({"url": clip.creator_url} if clip.creator_url else {})
