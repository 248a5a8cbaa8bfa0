"""The questions asked of plays."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Q

from library.models import Clip, PlayEvent

WINDOWS = {
    "last_24_hours": timedelta(hours=24),
    "last_7_days": timedelta(days=7),
    "last_30_days": timedelta(days=30),
}


def clip_statistics(clip: Clip, now: datetime) -> dict[str, Any]:
    """Plays of one clip: the total, the first and last, and the windows that end `now`.

    One query, which reads the events of the clip alone.
    """
    windows = {
        name: Count("id", filter=Q(played_at__gt=now - length, played_at__lte=now))
        for name, length in WINDOWS.items()
    }
    found = PlayEvent.objects.filter(clip=clip).aggregate(
        first_played_at=Min("played_at"), last_played_at=Max("played_at"), **windows
    )
    return {
        "id": clip.pk,
        "title": clip.title,
        "play_count": clip.play_count,
        "first_played_at": found["first_played_at"],
        "last_played_at": found["last_played_at"],
        "plays": {name: found[name] for name in WINDOWS},
        "as_of": now,
    }
