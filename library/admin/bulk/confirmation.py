"""The page that asks before something is done to clips."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest
from django.template.response import TemplateResponse

from library.admin.base import ModelAdmin
from library.models import Clip

TEMPLATE = "library/admin/bulk/confirmation.html"


def counted(number: int) -> str:
    """So many clips, in words."""
    return f"{number:,} clip{'s' * (number != 1)}"


def ask(
    clip_admin: ModelAdmin[Clip],
    request: HttpRequest,
    *,
    title: str,
    sentence: str,
    button: str,
    back: str,
    clips: Sequence[Clip] = (),
    others: int = 0,
    fields: Sequence[tuple[str, str]] = (),
    form: forms.Form | None = None,
    one: Clip | None = None,
) -> TemplateResponse:
    """The page: what will be done, to which clips (some, and how many others), and a form.

    The form sends `fields`, and `post` as Django's own do; `back` is where they go who do not want
    to. `one` is the clip if there is but one.
    """
    context: dict[str, Any] = {
        **clip_admin.admin_site.each_context(request),
        "opts": clip_admin.opts,
        "media": clip_admin.media,
        "title": title,
        "sentence": sentence,
        "button": button,
        "back": back,
        "clips": clips,
        "others": others,
        "fields": fields,
        "form": form,
        "original": one,  # the theme's path to the page then leads by it
    }
    return TemplateResponse(request, TEMPLATE, context)
