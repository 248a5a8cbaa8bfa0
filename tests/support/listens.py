"""Reports of players, and what was heard according to them."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db.models import F
from django.utils import timezone

from library.listens.record import Outcome, Report, State, record
from library.models import Clip, Listen
from library.statistics.clip import clip_statistics
from library.statistics.period import parse_period


class Player:
    """A session of a clip. It lets time pass by setting the time of its last report back."""

    def __init__(self, clip: Clip) -> None:
        self.clip = clip
        self.session: UUID = uuid4()

    def report(self, position: float, state: str = "playing", *, after: float = 0.0) -> Outcome:
        """Send a report, so many seconds after the last one."""
        mine = Listen.objects.filter(clip=self.clip, session=self.session)
        if after:
            mine.update(reported_at=F("reported_at") - timedelta(seconds=after))
        return record(self.clip.pk, Report(self.session, position, State(state)))

    def listen(self) -> Listen:
        return Listen.objects.get(clip=self.clip, session=self.session)


def heard_of(clip: Clip, since: str | None = None, until: str | None = None) -> dict[str, Any]:
    """Return the statistics of what was heard of a clip."""
    now = timezone.now()
    found = clip_statistics(clip.pk, parse_period(None, since, until, None, now), now)
    assert found is not None
    heard: dict[str, Any] = found["heard"]
    return heard


def make_older(**age: float) -> None:
    """Let all listens have begun, and reported, so much earlier."""
    step = timedelta(**age)
    Listen.objects.update(began_at=F("began_at") - step, reported_at=F("reported_at") - step)
