"""GET /: the library, with a player."""

from typing import Any

from django.views.generic import TemplateView

from library.models import Clip
from library.pages.cards import cards_of

CLIPS_SHOWN = 24


class Listing(TemplateView):
    """GET /: the newest clips."""

    template_name = "library/pages/listing.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        clips = Clip.objects.available().order_by("-id")[:CLIPS_SHOWN]
        return super().get_context_data(cards=cards_of(clips), **kwargs)
