"""Absolute URLs of a clip's pages, audio and waveform, and the snippet that embeds its player."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from library.api.list_formats.pages import NAME
from library.models import Clip

EMBED_WIDTH, EMBED_HEIGHT = 480, 152  # pixels
_IFRAME = (
    '<iframe src="{}" width="{}" height="{}" title="{}" loading="lazy" frameborder="0"></iframe>'
)


@dataclass(frozen=True)
class Links:
    """The URLs of a clip as the client of this request reaches them."""

    site: str
    site_name: str
    page: str
    embed: str
    stream: str
    oembed: str
    waveform: str  # without its query; empty until the audio is analysed
    etag: str

    @classmethod
    def of(cls, request: HttpRequest, clip: Clip) -> "Links":
        """Return the URLs of a clip."""

        def url(name: str) -> str:
            return request.build_absolute_uri(reverse(name, args=[clip.pk]))

        return cls(
            request.build_absolute_uri(reverse("listing")),
            NAME,
            url("clip-page"),
            url("embed"),
            url("clip-stream"),
            request.build_absolute_uri(reverse("oembed")),
            url("clip-waveform-png") if clip.audio else "",
            clip.audio["etag"].strip('"') if clip.audio else "",
        )

    def image(self, width: int, height: int) -> str:
        """Return the URL of a picture of the waveform, which never changes; empty without one."""
        if not self.waveform:
            return ""
        look = {"width": width, "height": height, "color": "purple", "theme": "light"}
        return f"{self.waveform}?{urlencode(look | {'etag': self.etag})}"

    @property
    def oembed_json(self) -> str:
        """The URL of the clip's oEmbed response in JSON."""
        return f"{self.oembed}?{urlencode({'url': self.page, 'format': 'json'})}"

    @property
    def oembed_xml(self) -> str:
        """The URL of the clip's oEmbed response in XML."""
        return f"{self.oembed}?{urlencode({'url': self.page, 'format': 'xml'})}"


def snippet(
    links: Links, clip: Clip, width: int = EMBED_WIDTH, height: int = EMBED_HEIGHT
) -> SafeString:
    """Return the HTML with which other sites embed the player of a clip."""
    by = f" by {clip.creator}" if clip.creator else ""
    return format_html(_IFRAME, links.embed, width, height, f"Player: {clip.title}{by}")
