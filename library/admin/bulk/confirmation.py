"""The confirmation page shown before an action changes clips."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.template.response import TemplateResponse

from library.admin.base import ModelAdmin
from library.admin.bulk.selection import Selection
from library.models import Clip

TEMPLATE = "library/admin/bulk/confirmation.html"


def clip_count(number: int) -> str:
    """Return “1 clip”, “1,234 clips”."""
    return f"{number:,} clip{'s' * (number != 1)}"


def confirmation_page(
    clip_admin: ModelAdmin[Any],
    request: HttpRequest,
    target: Selection | Clip,
    *,
    verb: str,
    sentence: str,
    back: str,
    form: forms.Form | None = None,
) -> TemplateResponse:
    """Return the page: the title and button with the verb, the first clips, and a form.

    `back` is the URL of the button that cancels. The form sends `post`, as Django's confirmation
    pages do, and the selection.
    """
    context: dict[str, Any] = {
        **clip_admin.admin_site.each_context(request),
        "opts": clip_admin.opts,
        "media": clip_admin.media,
        "sentence": sentence,
        "button": verb,
        "back": back,
        "form": form,
    }
    if isinstance(target, Clip):
        # The breadcrumbs show the original.
        context |= {"title": f"{verb} “{target}”", "original": target}
    else:
        context |= {
            "title": f"{verb} {clip_count(target.count)}",
            "clips": target.first,
            "others": target.others,
            "fields": target.fields(),
        }
    return TemplateResponse(request, TEMPLATE, context)
