"""The action of the list that lets the audio of clips be analysed again."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from library.admin.base import ModelAdmin
from library.admin.bulk.confirmation import clip_count
from library.admin.bulk.selection import Selection
from library.models import Clip
from library.tasks.analyses import repeat_analyses


@admin.action(description="Analyse audio again", permissions=["change"])
def analyse_again(
    clip_admin: ModelAdmin[Clip], request: HttpRequest, queryset: QuerySet[Clip]
) -> None:
    """Let workers analyse the selected clips."""
    clips = Selection(request, queryset).clips.not_deleted()
    number = repeat_analyses([*clips.order_by("pk").values_list("pk", flat=True)])
    messages.success(request, f"The audio of {clip_count(number)} will be analysed again.")
