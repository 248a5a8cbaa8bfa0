"""Exports of clips: their content, their formats, and their import."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from library.admin.exchange import streamed
from library.admin.exchange.columns import EXPORTED
from library.models import Clip
from tests.admin.exchange.steps import Importing, person

EXPORT = "/admin/library/clip/export/"
LIST = "/admin/library/clip/"


@pytest.fixture
def analyst(client: Client, db: None) -> Client:
    client.force_login(person("anna", "view_clip", "export_clip"))
    return client


def clip_of(number: int, **fields: Any) -> Clip:
    values = {"title": f"Clip {number}", "genre": "jazz", "duration": number + 0.5}
    return Clip.objects.create(
        **{**values, "audio_url": f"https://example.com/{number}.mp3", **fields}
    )


def strange_clips() -> None:
    """Make clips with values that could be damaged on the way."""
    clip_of(1, title="=HYPERLINK(1)", description="-a\r\n- b\n;=c,@d", tags=["-x", "ü b"])
    clip_of(2, title="'=x", creator='"Ada", "B"', creator_url="https://example.com/a;b,-c")
    clip_of(3, audio_url="", audio_file="samples/rain-sounds.mp3", licence="CC-BY-4.0")
    clip_of(4, state="withdrawn", withdrawn_reason="+1", duration=3600, title="07")
    clip_of(5, state="draft", duration=0.001, genre="ﷺ x", play_count=12)


def download(client: Client, kind: str = "json", query: str = "") -> bytes:
    answer = client.post(EXPORT + query, {"format": kind})
    assert answer.status_code == 200
    return b"".join(answer)


def titles(exported: bytes) -> list[str]:
    return [clip["title"] for clip in json.loads(exported)]


@pytest.mark.parametrize("kind", streamed.FORMATS)
def test_export_can_be_imported_without_changes(client: Client, db: None, kind: str) -> None:
    may = ("view_clip", "add_clip", "change_clip", "import_clip", "export_clip")
    client.force_login(person("anna", *may))
    strange_clips()
    preview = Importing(client).choose(download(client, kind), "clips")
    assert preview.counts == {"All": 5, "Unchanged": 5}
    assert "Nothing would change" in preview.text
    assert "Ignored, because clips have no such column" not in preview.text


def test_csv_suits_spreadsheets(analyst: Client) -> None:
    strange_clips()
    answer = analyst.post(EXPORT, {"format": "csv"})
    today = f"{timezone.now():%Y-%m-%d}"
    assert answer["Content-Disposition"] == f'attachment; filename="clips-{today}.csv"'
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    data = b"".join(answer)
    assert data.startswith(b"\xef\xbb\xbfid,title,")
    table = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    rows = sorted(table, key=lambda row: int(row["id"]))  # the list is sorted differently
    assert rows[0]["title"] == "'=HYPERLINK(1)"
    assert rows[0]["description"] == "'-a\r\n'- b\n;'=c,'@d"
    assert rows[0]["tags"] == "'-x, ü b"
    assert (rows[2]["duration"], rows[3]["duration"]) == ("3.5", "3600")
    assert [row["withdrawn_reason"] for row in rows] == ["", "", "", "'+1", ""]
    semicolons = download(analyst, "csv-semicolons").decode("utf-8-sig")
    durations = [row["duration"] for row in csv.DictReader(io.StringIO(semicolons), delimiter=";")]
    assert sorted(durations) == ["0,001", "1,5", "2,5", "3,5", "3600"]


def test_json_has_typed_values(analyst: Client) -> None:
    made = clip_of(1, tags=["rain"], size_bytes=5, play_count=7)
    Clip.objects.update(updated_at=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC))
    (exported,) = json.loads(download(analyst))
    assert tuple(exported) == EXPORTED
    assert exported["stream_url"] == f"http://testserver/api/v1/clips/{made.pk}/stream"
    assert exported["updated_at"] == "2026-01-02T03:04:05.678901Z"
    assert (exported["tags"], exported["duration"], exported["creator"]) == (["rain"], 1.5, None)
    assert (exported["size_bytes"], exported["play_count"], exported["health"]) == (
        5,
        7,
        "unchecked",
    )


def test_export_has_the_clips_of_the_list_in_its_order(analyst: Client) -> None:
    clip_of(1, title="Rain one")
    clip_of(2, title="Rain two", genre="nature")
    clip_of(3, title="Rain three")
    clip_of(4, title="Rain four", deleted_at=timezone.now())
    clip_of(5, title="Piano")
    column = next(
        f"o=-{number}"
        for number in range(1, 20)
        if titles(download(analyst, query=f"?o=-{number}"))[0] == "Rain two"
    )  # regardless of where the title is in the list
    query = f"?q=rain&genre=jazz&{column}"
    assert titles(download(analyst, query=query)) == ["Rain three", "Rain one"]
    described = analyst.get(EXPORT + query).text
    assert "2 clips: those that match the list's current search and filters" in described
    assert titles(download(analyst, query="?deleted=yes")) == ["Rain four"]
    assert f"{EXPORT}?q=rain" in analyst.get(f"{LIST}?q=rain").text


def test_export_of_no_clips_is_an_empty_file(analyst: Client) -> None:
    assert json.loads(download(analyst)) == []
    assert download(analyst, "csv").decode("utf-8-sig") == ",".join(EXPORTED) + "\r\n"


def test_invalid_filter_redirects_to_the_list(analyst: Client) -> None:
    answer = analyst.get(f"{EXPORT}?title__nonsense=1")
    assert (answer.status_code, answer["Location"]) == (302, f"{LIST}?title__nonsense=1")


def test_unknown_format_is_refused(analyst: Client) -> None:
    assert "Select a valid choice." in analyst.post(EXPORT, {"format": "xls"}).text


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_action_exports_the_selected_clips(analyst: Client, kind: str) -> None:
    clips = [clip_of(n) for n in range(3)]
    form = {"action": f"export_selected_as_{kind}", "_selected_action": [clips[0].pk, clips[2].pk]}
    data = b"".join(analyst.post(LIST, form))
    assert b"Clip 0" in data
    assert b"Clip 1" not in data
    assert b"Clip 2" in data


def test_action_can_export_the_whole_list(analyst: Client) -> None:
    clips = [clip_of(n) for n in range(3)]
    form = {"action": "export_selected_as_json", "select_across": "1", "index": "0"}
    data = b"".join(analyst.post(LIST, {**form, "_selected_action": [clips[0].pk]}))
    assert len(json.loads(data)) == 3


def test_export_needs_its_permission(client: Client, db: None) -> None:
    clip = clip_of(1)
    client.force_login(person("anna", "view_clip", "change_clip", "add_clip", "import_clip"))
    assert client.get(EXPORT).status_code == 403
    assert client.post(EXPORT, {"format": "csv"}).status_code == 403
    assert EXPORT not in client.get(LIST).text
    form = {"action": "export_selected_as_csv", "_selected_action": [clip.pk]}
    assert "attachment" not in client.post(LIST, form).headers.get("Content-Disposition", "")


def test_long_export_is_read_in_pieces(analyst: Client) -> None:
    Clip.objects.bulk_create(
        Clip(title=f"{n}", genre="a", duration=1, audio_url="https://example.com/a")
        for n in range(2 * streamed.PIECE + 1)
    )
    with CaptureQueriesContext(connection) as queries:
        answer = analyst.post(EXPORT, {"format": "json"})
        before = len(queries)
        data = b"".join(answer)
    assert len(queries) - before == 3
    assert sorted(map(int, titles(data))) == list(range(2 * streamed.PIECE + 1))
