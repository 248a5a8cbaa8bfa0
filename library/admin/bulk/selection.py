"""The clips selected for an action, passed from the list to the pages that follow."""

from functools import cached_property

from django.contrib.admin import helpers
from django.db.models import Count, Max, QuerySet, Sum
from django.http import HttpRequest

from library.models import Clip, ClipQuerySet

SHOWN = 10  # clips named on a page


class Selection:
    """The clips ticked on a page of the list, or all clips that the list contains.

    The following page sends back the ticks and the choice of all, not a field for each clip: all
    may be a hundred thousand.
    """

    def __init__(self, request: HttpRequest, clips: QuerySet[Clip]) -> None:
        self._request = request
        self.clips: ClipQuerySet = Clip.objects.filter(pk__in=clips.order_by().values("pk"))

    @cached_property
    def count(self) -> int:
        return self.clips.count()

    @cached_property
    def first(self) -> list[Clip]:
        """The clips named on the page."""
        return list(self.clips.defer("description", "search_vector").order_by("-pk")[:SHOWN])

    @property
    def others(self) -> int:
        """The number of clips not named on the page."""
        return self.count - len(self.first)

    def fields(self) -> list[tuple[str, str]]:
        """Return the names and values that the page's form must send back."""
        post = self._request.POST
        ticked = post.getlist(helpers.ACTION_CHECKBOX_NAME)
        return [
            *((name, post.get(name, "")) for name in ("action", "select_across")),
            *((helpers.ACTION_CHECKBOX_NAME, pk) for pk in ticked),
        ]

    def version(self) -> str:
        """Return a text that differs once a clip has changed, joined or left the selection."""
        facts = self.clips.aggregate(Count("pk"), Sum("pk"), Max("updated_at"))
        return " ".join(str(value) for value in facts.values())
