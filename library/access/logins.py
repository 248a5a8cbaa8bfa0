"""Limits on guessing passwords, on top of django-axes.

After too many failures, a name is locked for the network that they came from. Log-ins from other
networks stay possible, so an attacker can't lock a user out. A network is locked as a whole after
ten times as many failures, whatever the names, because an office may share one address (OWASP,
Authentication Cheat Sheet).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib import admin
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from library.client_address import request_network

NETWORK_FACTOR = 10
MAX_FAILURES_PER_NAME = 1000

Credentials = dict[str, Any] | None


def network_address(request: HttpRequest) -> str | None:
    """Return the address that stands for a client: for IPv6, the first of its network."""
    network = request_network(request)
    return str(network.network_address) if network else None


class LoginLimits(AxesDatabaseHandler):  # type: ignore[misc]
    """Failed log-ins, counted in the database for all processes."""

    def get_failures(self, request: HttpRequest, credentials: Credentials = None) -> int:
        """Return the failures that count: of this name from this network, or of the network."""
        of_name, of_network = (
            attempts.aggregate(sum=Sum("failures_since_start"))["sum"] or 0
            for attempts in self.get_user_attempts(request, credentials)
        )
        return max(of_name, of_network // NETWORK_FACTOR)

    def seconds_to_wait(self, request: HttpRequest, credentials: Credentials = None) -> int:
        """Return the seconds until the lock ends, provided no further attempt fails."""
        of_name, of_network = self.get_user_attempts(request, credentials)
        failures = of_name.aggregate(sum=Sum("failures_since_start"))["sum"] or 0
        locked = of_name if failures >= settings.AXES_FAILURE_LIMIT else of_network
        last = locked.aggregate(last=Max("attempt_time"))["last"] or timezone.now()
        left: timedelta = last + settings.AXES_COOLOFF_TIME - timezone.now()
        return max(1, int(left.total_seconds()))

    def reset_user_attempts(self, request: HttpRequest, credentials: Credentials = None) -> int:
        """Delete the failures of the name that has logged in, but not those of its network.

        Otherwise the owner of an account could guess other passwords without limit by logging in
        every now and then.
        """
        of_name, _ = self.filter_user_attempts(request, credentials)
        count: int = of_name.delete()[0]
        return count

    def user_logged_in(self, sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
        """Record the log-in and delete expired records. Log-ins are rare, so this is cheap."""
        super().user_logged_in(sender, request, user, **kwargs)
        now = timezone.now()
        old = now - timedelta(days=settings.CLIPS_LOGIN_LOG_DAYS)
        AccessLog.objects.filter(attempt_time__lt=old).delete()
        AccessFailureLog.objects.filter(attempt_time__lt=old).delete()
        Session.objects.filter(expire_date__lt=now).delete()

    def remove_out_of_limit_failure_logs(self, *, username: str, limit: int | None = None) -> int:
        """Keep the latest failures of a name; axes would keep the earliest."""
        of_name = AccessFailureLog.objects.filter(username=username).order_by("-id")
        beyond = of_name.values_list("pk", flat=True)[MAX_FAILURES_PER_NAME:][:1]
        count: int = of_name.filter(pk__lte=beyond[0]).delete()[0] if beyond else 0
        return count


@contextmanager
def one_at_a_time(request: HttpRequest, name: str) -> Iterator[bool]:
    """Yield whether this is the only attempt in progress with this name from this network.

    A failure is counted only after the password check, which is slow. Without this lock, many
    simultaneous attempts would all see the same old count.
    """
    attempt = f"log-in {request_network(request)} {name}".encode()
    key = int.from_bytes(sha256(attempt).digest()[:8], signed=True)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [key])
            (free,) = cursor.fetchone() or (False,)
        yield free


def locked_out(
    request: HttpRequest, response: HttpResponse | None, credentials: Credentials
) -> HttpResponse:
    """Respond instead of the log-in page (`AXES_LOCKOUT_CALLABLE`)."""
    limits = AxesProxyHandler.get_implementation()
    return locked_out_page(request, limits.seconds_to_wait(request, credentials))


def locked_out_page(request: HttpRequest, seconds: int) -> HttpResponse:
    """Return a 429 page that says when to try again."""
    context = {
        **admin.site.each_context(request),
        "title": "Too many attempts",
        "seconds": seconds,
        "minutes": -(-seconds // 60),  # rounded up
    }
    answer = render(request, "library/access/locked_out.html", context, status=429)
    answer.headers["Retry-After"] = str(seconds)
    return answer
