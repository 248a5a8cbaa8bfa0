"""GET /clips/{id}: the page of a clip."""

from typing import Any

from django.http import Http404
from django.views.generic import TemplateView

from library.models import Clip
from library.pages.cards import cards_of


class ClipPage(TemplateView):
    """GET /clips/{id}."""

    template_name = "library/pages/clip.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        clip = Clip.objects.available().filter(pk=kwargs["pk"]).first()
        if clip is None:
            raise Http404
        return super().get_context_data(card=cards_of([clip])[0], **kwargs)
