"""The clips that an action is done to, from the list to the page that asks whether to do it."""

from functools import cached_property

from django.contrib.admin import helpers
from django.db.models import Count, Max, QuerySet, Sum
from django.http import HttpRequest

from library.models import Clip, ClipQuerySet

SHOWN = 10  # clips that a page names


class Selection:
    """Those ticked on a page of the list, or all that it is narrowed to.

    The page that asks sends the same ticks back, not a field for each clip: of those that are all
    there may be a hundred thousand.
    """

    def __init__(self, request: HttpRequest, clips: QuerySet[Clip]) -> None:
        self._request = request
        self.clips: ClipQuerySet = Clip.objects.filter(pk__in=clips.order_by().values("pk"))

    @cached_property
    def count(self) -> int:
        """How many they are."""
        return self.clips.count()

    @cached_property
    def first(self) -> list[Clip]:
        """Some of them, to be named."""
        return list(self.clips.defer("description", "search_vector").order_by("-pk")[:SHOWN])

    @property
    def others(self) -> int:
        """How many are not named."""
        return self.count - len(self.first)

    def fields(self) -> list[tuple[str, str]]:
        """What the form of a page that asks must send back: names and values."""
        post = self._request.POST
        ticked = post.getlist(helpers.ACTION_CHECKBOX_NAME)
        return [
            *((name, post.get(name, "")) for name in ("action", "select_across")),
            *((helpers.ACTION_CHECKBOX_NAME, pk) for pk in ticked),
        ]

    def version(self) -> str:
        """Another text once clips were changed, or there are others: what was shown is then old."""
        told = self.clips.aggregate(Count("pk"), Sum("pk"), Max("updated_at"))
        return " ".join(str(value) for value in told.values())
