"""GET /clips/{id}: the page of a clip."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.generic import TemplateView

from library.analyses.fact_rows import fact_rows
from library.api.list_formats.playable import COLUMNS, playables
from library.api.representation import columns, shown
from library.models import Clip
from library.pages.cards import cards_of
from library.pages.clip_facts import downloads, terms_of
from library.pages.clip_metadata import description_of, json_ld, meta_tags
from library.pages.links import Links, snippet
from library.pages.more_clips import more_clips
from library.pages.play_chart import play_chart
from library.pages.visible import GONE, gone, visible_clip


class ClipPage(TemplateView):
    """GET /clips/{id}."""

    template_name = "library/pages/clip.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            clip = visible_clip(kwargs["pk"])
        except GONE as error:
            return gone(request, error)
        return self.render_to_response(self.get_context_data(clip=clip))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        clip: Clip = kwargs["clip"]
        card, *more = cards_of([clip, *more_clips(clip)])
        row = {name: getattr(clip, name) for name in (*columns(), *COLUMNS)}
        row["audio_file"] = str(clip.audio_file)
        [audio] = playables([row])
        links = Links.of(self.request, clip)
        return super().get_context_data(
            card=card,
            more=more,
            links=links,
            description=description_of(card),
            meta_tags=meta_tags(card, links, audio),
            json_ld=json_ld(card, links, audio),
            snippet=snippet(links, clip),
            terms=clip.terms and terms_of(clip.terms),
            downloads=downloads(shown([row], None)[0], audio),
            facts=fact_rows(clip.audio) if clip.audio else [],
            chart=play_chart(clip.pk, timezone.now()),
            **kwargs,
        )
