"""The operation that takes reports of players."""

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema

from library.api.listen_reports import ReportSerializer
from library.api.openapi.errors import REPORTING, error_responses
from library.api.openapi.examples import REPORT
from library.api.openapi.parameters import ANYONE, CLIP_ID, limits

listen = extend_schema(
    tags=["statistics"],
    operation_id="report_listen",
    summary="Report a position",
    description="Report where a player is in a clip: when it starts, stops or jumps, and every 10 "
    "to 15 seconds while it plays. The service computes from two successive reports of a session "
    "which part of the clip was heard, see *What counts as heard* at `/docs/plays`. Reports never "
    "change `play_count`.\n\n"
    "The body may be sent as `text/plain` or without a type, so `navigator.sendBeacon(url, text)` "
    "works on any site, also while a page is being closed. `/static/library/listens.js` sends "
    "reports for every `audio` element of a page. Cookies and tokens are ignored.",
    auth=ANYONE,
    parameters=[CLIP_ID, *limits(204)],
    request={"application/json": ReportSerializer},
    responses={
        204: OpenApiResponse(None, "The report was received."),
        **error_responses(*REPORTING, name="ReportErrors"),
    },
    examples=[OpenApiExample("After ten seconds", value=REPORT, request_only=True)],
)
