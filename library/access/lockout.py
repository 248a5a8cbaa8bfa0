"""The response after too many failed log-ins."""

from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def locked_out(
    request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None
) -> HttpResponse:
    """Respond instead of the log-in page (`AXES_LOCKOUT_CALLABLE`)."""
    limits = AxesProxyHandler.get_implementation()
    return page(request, limits.seconds_to_wait(request, credentials))


def page(request: HttpRequest, seconds: int) -> HttpResponse:
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
