"""Sessions that end after a period without activity, and after a day's work in any case.

Django's sessions end a fixed time after their last change. A session that is never changed ends in
the middle of the work, and one that changes often never ends (OWASP, Session Management Cheat
Sheet: session expiration).
"""

import time
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseSession
from django.http import HttpRequest
from django.utils import timezone

from library.database_errors import Fault, fault_of

BEGAN = "began"  # Unix time
SAVE_INTERVAL = 60  # seconds, so that few requests write
RECENT = 600  # seconds


class SessionStore(DatabaseSession):
    """A session that expires `CLIPS_SESSION_IDLE` seconds after its last use.

    It also expires `SESSION_COOKIE_AGE` seconds after the log-in. `cycle_key` starts both periods
    again, because it follows a log-in or a second factor.
    """

    _prolonged: dict[str, Any] | None = None  # the data, if only the end moves

    def load(self) -> dict[str, Any]:
        """Load the session; mark it for saving if that moves its end by more than a minute."""
        found = self._get_session_from_db()  # type: ignore[attr-defined]
        if not found:
            return {}
        data: dict[str, Any] = self.decode(found.session_data)
        left = (found.expire_date - timezone.now()).total_seconds()
        if left + SAVE_INTERVAL < _seconds_left(data.get(BEGAN)):
            self.modified = True
            self._prolonged = dict(data)
        return data

    def save(self, must_create: bool = False) -> None:
        """Save the session, and the time of its start when it is new."""
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]
        data.setdefault(BEGAN, int(time.time()))
        try:
            super().save(must_create)
        except UpdateError as error:
            cause = error.__context__
            fault = fault_of(cause)
            if cause is None or fault is None:  # the session has ended in the meantime
                raise
            # If it has only been used, a read-only database need not note that.
            if fault is not Fault.READ_ONLY or data != self._prolonged:
                raise cause from cause.__cause__

    def cycle_key(self) -> None:
        """Change the key and restart the session: the user has just logged in."""
        self.pop(BEGAN, None)
        super().cycle_key()

    def get_session_cookie_age(self) -> int:
        """Return the seconds until the session ends if it is not used; 0 if it has ended."""
        return _seconds_left(self.get(BEGAN))


def has_just_begun(request: HttpRequest) -> bool:
    """Return whether the user logged in so recently that the password need not be repeated."""
    began: int = request.session.get(BEGAN, 0)
    return time.time() - began < RECENT


def _seconds_left(began: int | None) -> int:
    age: int = settings.SESSION_COOKIE_AGE
    ends = time.time() if began is None else began
    idle: int = settings.CLIPS_SESSION_IDLE
    return max(0, min(idle, int(ends + age - time.time())))
