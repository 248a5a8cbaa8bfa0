"""The limit of pages that search: they run the same queries as the API's list."""

from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from rest_framework.exceptions import Throttled

from library.api.handlers import error_response, is_program
from library.api.throttles import count_read
from library.pages.delivery import View


def limited(view: View) -> View:
    """Return a view whose requests count as reads of the API, with the same limit and headers."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        seconds, headers = count_read(request)
        response = _refused(request, seconds) if seconds else view(request, *args, **kwargs)
        for name, value in headers.items():
            response[name] = value
        return response

    return answer


def _refused(request: HttpRequest, seconds: int) -> HttpResponseBase:
    error = Throttled(seconds)
    if is_program(request):
        return error_response(error)
    page = render_to_string("library/pages/too_many_requests.html", {"seconds": seconds}, request)
    return error_response(error, page)
