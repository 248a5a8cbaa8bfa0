"""An application that uses the client which openapi-python-client generates from /openapi.json.

mypy checks its types, and Python runs it against the service. It prints one line of JSON.
"""

import json
import sys
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

from clips_client import AuthenticatedClient
from clips_client.api.clips import (
    add_clip,
    change_clip,
    list_clips,
    replace_clip_audio,
    show_clip,
    stream_clip,
)
from clips_client.api.statistics import clip_statistics
from clips_client.models import (
    AddedClip,
    Clip,
    ClipMetadataRequest,
    ClipRequest,
    ClipStatistics,
    ClipUploadRequest,
    Error,
    FieldErrors,
    PatchedClipRequest,
    Proposals,
)
from clips_client.types import UNSET, File, Unset
from httpx import Response

# The generator treats an optional token as required.
client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2])

jazz: list[Clip] = []
cursor: str | Unset | None = UNSET
while cursor is not None:
    page = list_clips.sync_detailed(client=client, genre=["jazz"], limit=1, cursor=cursor)
    assert isinstance(page.parsed, list)
    jazz += page.parsed
    links = Response(200, headers=dict(page.headers)).links
    following = links.get("next", {}).get("url", "")
    cursor = parse_qs(urlsplit(following).query).get("cursor", [None])[0]

added = add_clip.sync_detailed(
    client=client,
    idempotency_key="python-1",
    body=ClipRequest(
        title="From Python",
        genre="jazz",
        duration=3,
        audio_url="https://example.com/path/to/audio.mp3",
        tags=["typed"],
    ),
)
clip = added.parsed
assert isinstance(clip, AddedClip)
creator: str | None = clip.creator

with open(sys.argv[3], "rb") as file:
    uploaded = add_clip.sync(
        client=client,
        body=ClipUploadRequest(ClipMetadataRequest("Uploaded", "jazz"), File(file)),
    )
assert isinstance(uploaded, AddedClip)
assert isinstance(uploaded.proposals, Proposals)
changes = PatchedClipRequest.from_dict(uploaded.proposals.to_dict())
changed = change_clip.sync(uploaded.id, client=client, body=changes)
assert isinstance(changed, Clip)
version = show_clip.sync_detailed(uploaded.id, client=client).headers["ETag"]
with open(sys.argv[3], "rb") as file:
    replaced = replace_clip_audio.sync_detailed(
        uploaded.id, client=client, body=File(file), if_match=version
    )
refused = replace_clip_audio.sync(uploaded.id, client=client, body=File(BytesIO(b"%PDF-1.7")))
assert isinstance(refused, Error)

audio = stream_clip.sync_detailed(jazz[0].id, client=client, range_="bytes=0-99")
assert isinstance(audio.parsed, File)

statistics = clip_statistics.sync(jazz[0].id, client=client, interval="week")
assert isinstance(statistics, ClipStatistics)
plays: int = statistics.series[-1].plays

missing = show_clip.sync(999, client=client)
assert isinstance(missing, Error)
wrong = list_clips.sync(client=client, limit=0)
assert isinstance(wrong, FieldErrors)

print(
    json.dumps(
        {
            "jazz": [each.title for each in jazz],
            "added": [added.status_code, clip.title.upper(), creator, clip.health.status],
            "uploaded": [uploaded.duration, changed.title, replaced.status_code, refused.code],
            "range": [audio.status_code, len(audio.parsed.payload.read())],
            "plays": plays,
            "missing": missing.code,
            "wrong": wrong.codes,
        }
    )
)
