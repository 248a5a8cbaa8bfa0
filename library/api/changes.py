"""The feed of changes: GET /api/v1/changes."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from library.api import parameters
from library.api.authentication import CountedRequests
from library.api.errors import CursorExpired
from library.api.etags import CHANGES, LIBRARY, may_be_kept, represented, revalidated
from library.api.openapi.changes import describe_changes
from library.api.representation import FIELDS, columns, select_list, shown
from library.changes import feed
from library.models.clip import AVAILABLE
from library.models.rows import read

LATEST = "latest"
_MALFORMED = f"Must be the cursor of an earlier response, or {LATEST}."


class Changes(CountedRequests, APIView):
    """The feed. The server waits for a change before it calls this (server/front/changes.py)."""

    @describe_changes
    def get(self, request: Request) -> HttpResponse:
        query = parameters.read(request.query_params, parameters.CHANGES)
        page = _page(request, query)
        fields = query.get("fields", FIELDS)
        clips = _clips(request, page.changes, fields)
        data = {
            "changes": [
                {
                    "seq": change.seq,
                    "id": change.clip_id,
                    "change": change.change,
                    "reason": change.reason,
                    "at": change.at,
                    "clip": clips.get(change.clip_id),
                }
                for change in page.changes
            ],
            "cursor": page.cursor,
        }
        url = replace_query_param(request.build_absolute_uri(), "cursor", page.cursor)
        headers = {"Link": f'<{url}>; rel="next"'}
        may_be_kept(request, LIBRARY if "play_count" in fields else CHANGES)
        return revalidated(request, represented(data, headers=headers), headers)


def _page(request: Request, query: dict[str, Any]) -> feed.Page:
    """Return the changes after the cursor of the query."""
    cursor = query.get("cursor", feed.BEGINNING)
    if cursor == LATEST:
        return feed.Page((), feed.end_of_feed())
    try:
        return feed.page(cursor, query["limit"])
    except ValueError:
        raise ValidationError({"cursor": [_MALFORMED]}) from None
    except feed.CursorExpiredError:
        kept = {name: value for name, value in request.query_params.items() if name != "cursor"}
        path = reverse("changes") + (f"?{urlencode(kept)}" if kept else "")
        raise CursorExpired(request.build_absolute_uri(path)) from None


def _clips(
    request: Request, changes: Sequence[feed.Change], fields: tuple[str, ...]
) -> dict[int, Any]:
    """Return the JSON of the clips that are public now, by id. It is as recent as the changes."""
    ids = list({change.clip_id for change in changes})
    statement = f"SELECT {select_list(columns(fields))} FROM library_clip"
    rows = read(f"{statement} WHERE id = ANY(%s) AND {AVAILABLE}", [ids]) if ids else []
    clips = shown(rows, request, fields)
    return {row["id"]: clip for row, clip in zip(rows, clips, strict=True)}
