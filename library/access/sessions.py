"""Sessions that end: when nobody has used them for a while, and at the latest after a day's work.

Django's own end at a time after they were last changed, so one that is never changed ends in the
middle of the work, and one that is changed often never does (OWASP, Session Management Cheat
Sheet: session expiration).
"""

import time
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseSession
from django.http import HttpRequest
from django.utils import timezone

BEGAN = "began"  # Unix time
USE_NOTED_EVERY = 60  # seconds, so that few requests pay for a write
RECENT = 600  # seconds


class SessionStore(DatabaseSession):
    """A session whose row expires `CLIPS_SESSION_IDLE` seconds after its last use.

    And `SESSION_COOKIE_AGE` after the log-in, or after what is as good: `cycle_key` begins anew.
    """

    def load(self) -> dict[str, Any]:
        """Read it; have it saved if that would move its end by more than a minute."""
        found = self._get_session_from_db()  # type: ignore[attr-defined]
        if not found:
            return {}
        data: dict[str, Any] = self.decode(found.session_data)
        left = (found.expire_date - timezone.now()).total_seconds()
        if left + USE_NOTED_EVERY < _seconds_left(data.get(BEGAN)):
            self.modified = True
        return data

    def save(self, must_create: bool = False) -> None:
        """Write it; the first time notes when it began."""
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]
        data.setdefault(BEGAN, int(time.time()))
        super().save(must_create)

    def cycle_key(self) -> None:
        """Another key and a new beginning: somebody has just shown who they are."""
        self.pop(BEGAN, None)
        super().cycle_key()

    def get_session_cookie_age(self) -> int:
        """Seconds until it ends unless it is used; none where it has gone on for too long."""
        return _seconds_left(self.get(BEGAN))


def has_just_begun(request: HttpRequest) -> bool:
    """Whether the password was shown so recently that it need not be asked for again."""
    began: int = request.session.get(BEGAN, 0)
    return time.time() - began < RECENT


def _seconds_left(began: int | None) -> int:
    age: int = settings.SESSION_COOKIE_AGE
    ends = time.time() if began is None else began
    idle: int = settings.CLIPS_SESSION_IDLE
    return max(0, min(idle, int(ends + age - time.time())))
