"""Imports of clips: the preview of a file, and its result."""

import json
import re
from datetime import timedelta
from html import unescape
from threading import Barrier, Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from library.admin.exchange.writing import StalePlanError, write
from library.models import Clip, Duplicate, Health, PendingImport, State
from tests.admin.exchange.steps import IMPORT, PROCESS, Importing, person
from tests.support.history import history_entries
from tests.support.recipes import make_clip

MAY_IMPORT = ("import_clip", "add_clip", "change_clip", "view_clip")


@pytest.fixture
def importing(client: Client, db: None) -> Importing:
    client.force_login(person("anna", *MAY_IMPORT))
    return Importing(client)


def clip_of(number: int, **fields: Any) -> Clip:
    url = f"https://example.com/{number}.mp3"
    values = {"title": f"Clip {number}", "genre": "jazz", "duration": 5, "audio_url": url}
    return Clip.objects.create(**{**values, **fields})


NEW_CLIP = {"title": "A", "genre": "a", "duration": 1, "audio_url": "https://example.com/a"}
NEW = "title,genre,duration,audio_url,tags\n" + "".join(
    f'Clip {n},jazz,{n + 0.5},https://example.com/{n}.mp3,"Rain, n{n}"\n' for n in range(6)
)


def test_confirmed_import_adds_drafts(importing: Importing, client: Client) -> None:
    preview = importing.choose(NEW)
    assert preview.counts == {"All": 6, "New": 6}
    assert "6 clips would be added, as drafts" in preview.text
    assert "The file has no column id: every row adds a clip." in preview.text
    assert not Clip.objects.exists()
    after = preview.confirm()
    assert "Imported clips.csv: 6 added, 0 changed." in after
    assert preview.next == "/admin/library/clip/?state=draft"
    assert "Clip 5" in after
    made = Clip.objects.order_by("id")
    assert [clip.state for clip in made] == [State.DRAFT] * 6
    assert (made[5].title, made[5].duration, made[5].tags) == ("Clip 5", 5.5, ["rain", "n5"])
    assert history_entries() == [("anna", f"Added “Clip {n}”.", []) for n in range(6)]
    assert not PendingImport.objects.exists()


def test_preview_warns_of_audio_that_the_library_has(importing: Importing) -> None:
    assert "would have the audio URL" not in importing.choose(NEW).text
    clip_of(0), clip_of(1), clip_of(2, deleted_at=timezone.now())
    preview = importing.choose(NEW)
    assert "2 new clips would have an audio URL that is already in the library." in preview.text
    assert preview.may_be_confirmed


def test_new_clips_get_the_chosen_state_unless_their_row_has_one(
    importing: Importing,
) -> None:
    rows = "title,genre,duration,audio_url,state\nA,a,1,https://example.com/a,\n"
    importing.choose(rows + "B,a,1,https://example.com/b,Draft\n", state="published").confirm()
    assert dict(Clip.objects.values_list("title", "state")) == {"A": "published", "B": "draft"}


def test_preview_shows_old_and_new_values(importing: Importing) -> None:
    one, two, three = (clip_of(n, tags=["rain"]) for n in (1, 2, 3))
    preview = importing.choose(
        "id,title,tags,duration,creator\n"
        f"{one.pk},Better,,5,\n"
        f"{two.pk},Clip 2,rain,5.0,\n\n"
        f"{three.pk},Clip 3,RAIN,7.25,Ada\n"
    )
    assert preview.counts == {"All": 3, "Changed": 2, "Unchanged": 1}
    assert preview.rows == [
        "Row 2 Changed Better title Clip 1 → Better tags rain → empty",
        "Row 3 Unchanged Clip 2",
        "Row 5 Changed Clip 3 duration 5 → 7.25 creator empty → Ada",
    ]
    before = two.updated_at
    assert "0 added, 2 changed" in preview.confirm()
    two.refresh_from_db()
    assert two.updated_at == before
    one.refresh_from_db()
    assert (one.title, one.tags, one.audio_url) == ("Better", [], "https://example.com/1.mp3")
    assert one.updated_at > before
    values = [("title", "Clip 1", "Better"), ("tags", "rain", "")]
    assert history_entries()[0] == ("anna", "Changed “Better” — Changed title and tags.", values)


def test_preview_shows_the_changed_part_of_a_long_text(importing: Importing) -> None:
    clip = clip_of(1, description="first " * 50 + "old" + " last" * 50)
    new = clip.description.replace("old", "new")
    (row,) = importing.choose(json.dumps([{"id": clip.pk, "description": new}])).rows
    assert "first old last" in row
    assert "first new last" in row
    assert len(row) < 300


COLUMNS = "id,title,genre,duration,audio_url,tags,licence,creator_url,state,withdrawn_reason"
OK = "jazz,5,https://example.com/1.mp3"
# Rows with these columns, and the problems that the preview shows.
WRONG = {
    f"987,A,{OK},,,,draft,": "id 987 There is no clip 987. Leave the id empty to add a clip.",
    f"{10**20},A,{OK},,,,draft,": f"id {10**20} There is no clip {10**20}. Leave the id empty to "
    "add a clip.",
    f"{'9' * 5000},A,{OK},,,,draft,": f"id {'9' * 320}… The id must be a whole number. "
    "Leave it empty to add a clip.",
    f"1.5,A,{OK},,,,draft,": "id 1.5 The id must be a whole number. Leave it empty to add a clip.",
    ",A,,0,,,,,draft,": "genre This field is required. duration 0 The duration must be "
    "above 0. audio_url Enter an audio URL. To upload a file, use the page of the clip.",
    f",A,{OK},{'x' * 41},,ftp://a,hidden,Why": f"tags {'x' * 41} “{'x' * 20}…” is too long: a tag "
    "has at most 40 characters. creator_url ftp://a Enter a web address that begins with http:// "
    "or https://. state hidden Enter one of: draft, published, withdrawn.",
    f",A,{OK},,CC-BY-9,,,": "licence CC-BY-9 Enter one of: CC0-1.0, CC-PDM-1.0, MIT, or one "
    "of CC-BY, CC-BY-SA, CC-BY-ND, CC-BY-NC, CC-BY-NC-SA and CC-BY-NC-ND with its version, such as "
    "CC-BY-4.0; or such a licence's creativecommons.org URL.",
    ',A,a,"1,500",http://10.0.0.1/,,,,withdrawn,': "duration 1,500 Enter a number with a point, "
    "such as 30.5. audio_url http://10.0.0.1/ The URL must have a public address. withdrawn_reason "
    "Enter the reason, which the public sees.",
    f",A,{OK},,,,draft,Why": "withdrawn_reason Why Leave this empty: only "
    "withdrawn clips have a reason.",
    f",A,{OK},,,,draft,,too,many": "row This row has 12 cells, but there are 10 columns. Put "
    "quotes around text that contains a separator.",
}


def test_preview_shows_problems_by_row_and_column_and_nothing_is_saved(
    importing: Importing,
) -> None:
    fine = clip_of(1)
    preview = importing.choose("\n".join((COLUMNS, f"{fine.pk},Fine,{OK},,,,draft,", *WRONG)))
    assert preview.counts == {"All": 11, "Errors": 10, "Changed": 1}
    assert "10 rows can't be imported, so nothing will be imported." in preview.text
    shown = [row.partition(" Error A ")[2] for row in preview.rows]
    assert shown == list(WRONG.values())
    assert not preview.may_be_confirmed
    preview.confirm()
    assert Clip.objects.get().title == "Clip 1"


def test_deleted_clips_and_audio_of_uploads_cannot_be_changed(importing: Importing) -> None:
    gone = clip_of(1, deleted_at=timezone.now())
    upload = clip_of(2, audio_url="", audio_file="samples/rain-sounds.mp3")
    url = "https://example.com/1.mp3"
    deleted, uploaded = importing.choose(f"id,audio_url\n{gone.pk},{url}\n{upload.pk},{url}\n").rows
    assert deleted.endswith("This clip was deleted. Restore it before you change it.")
    assert "This clip's audio was uploaded. Leave its URL empty, or replace the audio" in uploaded


def test_clip_in_two_rows_is_refused(importing: Importing) -> None:
    clip = clip_of(1)
    preview = importing.choose(f"id,title\n{clip.pk},A\n{clip.pk},B\n")
    assert preview.counts["Errors"] == 2
    assert "This id is in several rows." in preview.text


def test_json_may_omit_fields(importing: Importing) -> None:
    one, two = clip_of(1, creator="Ada"), clip_of(2, creator="Ada", licence="MIT")
    rows = [
        {"id": one.pk, "title": "One", "creator": None},
        {"licence": "cc by 4.0", "id": two.pk},
        {"genre": "a", "audio_url": "https://example.com/c", "duration": 1, "title": "C", "id": ""},
    ]
    assert importing.choose(json.dumps(rows), "clips.json").confirm()
    saved = Clip.objects.order_by("id").values_list("title", "creator", "licence")
    assert list(saved) == [
        ("One", None, None),
        ("Clip 2", "Ada", "CC-BY-4.0"),
        ("C", None, None),
    ]


def test_wrong_types_in_json_are_refused(importing: Importing) -> None:
    rows = [{"title": 5, "genre": ["a"], "duration": True, "tags": "a, b"}, "text", {"id": True}]
    preview = importing.choose(json.dumps(rows), "clips.json")
    assert preview.rows[0] == (
        "Row 1 Error 5 title 5 Must be a string. genre a Must be a string. tags a, b Enter a "
        'list of strings, such as ["rain", "night"]. duration True Enter a number. audio_url Enter '
        "an audio URL. To upload a file, use the page of the clip."
    )
    assert preview.rows[1] == 'Row 2 Error row This item must be an object, such as {"title": …}.'
    assert "The id must be a whole number." in preview.rows[2]


def test_response_of_the_api_can_be_imported(importing: Importing, client: Client) -> None:
    clip_of(1, tags=["rain"], licence="MIT")
    clip_of(2, audio_url="", audio_file="samples/rain-sounds.mp3")
    answer = client.get("/api/v1/clips").content.decode()
    preview = importing.choose(answer, "clips.json")
    assert preview.counts == {"All": 2, "Unchanged": 2}
    assert "Nothing would change" in preview.text


def test_new_source_resets_the_results_of_checks(importing: Importing) -> None:
    known: dict[str, Any] = {"health": Health.FAILING, "health_reason": "x", "size_bytes": 5}
    moved, kept = clip_of(1, **known), clip_of(2, **known)
    importing.choose(
        f"id,title,audio_url\n{moved.pk},A,https://example.com/new\n{kept.pk},B,{kept.audio_url}\n"
    ).confirm()
    moved.refresh_from_db()
    kept.refresh_from_db()
    assert (moved.audio_url, moved.title) == ("https://example.com/new", "A")
    assert (moved.health, moved.health_reason, moved.size_bytes) == ("unchecked", None, None)
    assert (kept.health, kept.health_reason, kept.size_bytes) == ("failing", "x", 5)


def test_plays_and_checks_since_the_preview_are_kept(importing: Importing) -> None:
    clip = clip_of(1)
    preview = importing.choose(f"id,title\n{clip.pk},A\n")
    Clip.objects.update(play_count=7, health=Health.OK)
    preview.confirm()
    clip.refresh_from_db()
    assert (clip.title, clip.play_count, clip.health) == ("A", 7, "ok")


def test_import_changes_states_with_their_reasons(importing: Importing) -> None:
    one, two = clip_of(1), clip_of(2, state="withdrawn", withdrawn_reason="Old.")
    three = clip_of(3, state="draft")
    preview = importing.choose(
        "id,state,withdrawn_reason\n"
        f"{one.pk},withdrawn,It has ended.\n{two.pk},published,Old.\n{three.pk},published,\n"
    )
    assert preview.rows[1].endswith("state withdrawn → published withdrawn_reason Old. → empty")
    preview.confirm()
    saved = Clip.objects.order_by("id").values_list("state", "withdrawn_reason")
    assert list(saved) == [("withdrawn", "It has ended."), ("published", None), ("published", None)]
    assert [entry[2] for entry in history_entries()][2] == [("state", "draft", "published")]


def test_clip_changed_since_the_export_is_refused(importing: Importing) -> None:
    clip = clip_of(1)
    exported = clip.updated_at.isoformat().replace("+00:00", "Z")
    clip.title = "Of somebody else"
    clip.save()
    wanted = f"id,title,updated_at\n{clip.pk},Mine,"
    preview = importing.choose(wanted + exported)
    assert "This clip was changed on" in preview.rows[0]
    assert "updated_at" in preview.rows[0]
    assert not preview.may_be_confirmed
    assert "Enter the time from the export" in importing.choose(f"{wanted}yesterday").text
    now = clip.updated_at.isoformat(sep=" ", timespec="seconds")  # as a spreadsheet may leave it
    assert importing.choose(wanted + now).may_be_confirmed
    assert importing.choose(wanted).may_be_confirmed


def test_clip_changed_during_the_preview_is_not_overwritten(
    importing: Importing, client: Client
) -> None:
    mine, other = clip_of(1), clip_of(2)
    preview = importing.choose(f"id,title\n{mine.pk},A\n{other.pk},B\n")
    somebody = Client()
    somebody.force_login(person("bert", "change_clip", "view_clip"))
    form = {"title": "Bert's", "genre": "jazz", "duration": "5", "audio_url": other.audio_url}
    somebody.post(f"/admin/library/clip/{other.pk}/change/", form)
    answer = preview.confirm()
    assert "Nothing was imported: clips in this file have changed since" in answer
    assert not Clip.objects.filter(title__in=("A", "B")).exists()
    again = preview.again()
    assert again.counts == {"All": 2, "Changed": 2, "Changed by others": 1}
    (row,) = again.rows
    assert row.startswith("Row 3 Changed B changed by bert title Bert's → B")
    assert "0 added, 2 changed" in again.confirm()
    assert Clip.objects.get(pk=other.pk).title == "B"


def test_changes_of_other_fields_during_the_preview_are_kept(
    importing: Importing,
) -> None:
    clip = clip_of(1)
    preview = importing.choose(f"id,title\n{clip.pk},A\n")
    Clip.objects.update(genre="blues", updated_at=timezone.now())
    preview.confirm()
    clip.refresh_from_db()
    assert (clip.title, clip.genre) == ("A", "blues")


def test_clip_changed_at_the_last_moment_is_not_overwritten(db: None) -> None:
    clip = clip_of(1)
    Clip.objects.update(title="Of somebody else", updated_at=timezone.now())
    clip.title = "Mine"
    with pytest.raises(StalePlanError):
        write([(clip, {"title"})])
    assert Clip.objects.get().title == "Of somebody else"


def test_import_confirmed_twice_at_once_happens_once(
    transactional_db: None, client: Client
) -> None:
    user = person("anna", *MAY_IMPORT)
    client.force_login(user)
    fields = Importing(client).choose(NEW).fields
    barrier = Barrier(2)

    def confirm() -> None:
        one = Client()
        one.force_login(user)
        barrier.wait()
        one.post(PROCESS, fields)
        connection.close()

    threads = [Thread(target=confirm) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Clip.objects.count() == 6


def test_file_is_only_available_to_its_user_for_a_day(importing: Importing, client: Client) -> None:
    preview = importing.choose(NEW)
    client.force_login(person("bert", *MAY_IMPORT))
    assert "This import is finished, was cancelled or is older than a day." in preview.confirm()
    assert client.get(preview.url).status_code == 302
    client.force_login(User.objects.get(username="anna"))
    assert client.get(preview.url).status_code == 200
    PendingImport.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert "This import is finished, was cancelled or is older than a day." in preview.confirm()
    assert not Clip.objects.exists()
    importing.choose(NEW)
    assert PendingImport.objects.count() == 1


def test_cancelled_import_deletes_its_file(importing: Importing) -> None:
    preview = importing.choose(NEW)
    preview.confirm(cancel="1")
    assert not PendingImport.objects.exists()
    assert not Clip.objects.exists()


@pytest.mark.parametrize("missing", ["import_clip", "add_clip", "change_clip"])
def test_import_needs_all_of_its_permissions(client: Client, db: None, missing: str) -> None:
    client.force_login(person("anna", *(set(MAY_IMPORT) - {missing})))
    for path in (IMPORT, f"{IMPORT}00000000-0000-0000-0000-000000000000/"):
        assert client.get(path).status_code == 403
    assert client.post(PROCESS).status_code == 403
    assert IMPORT not in client.get("/admin/library/clip/").text


def test_import_takes_a_constant_number_of_queries(importing: Importing) -> None:
    counts: list[int] = []
    for url in (NEW_CLIP["audio_url"], "https://example.com/b"):  # all rows have duplicates
        make_clip(audio_url=url, audio_file="")
    for number in (1, 40):
        made = Clip.objects.bulk_create(
            Clip(title="A", genre="a", duration=1, audio_url=f"https://example.com/{n}")
            for n in range(number)
        )
        gone = {"title": "B", "audio_url": "https://example.com/b", "state": "withdrawn"}
        rows = [{"id": clip.pk, "withdrawn_reason": f"Of {clip.pk}", **gone} for clip in made]
        preview = importing.choose(json.dumps(rows + [NEW_CLIP] * number))
        with CaptureQueriesContext(connection) as queries:
            importing.client.get(preview.url)
            importing.client.post(PROCESS, preview.fields)
        assert (
            not Clip.objects.filter(pk__in=[clip.pk for clip in made]).exclude(title="B").exists()
        )
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_template_has_an_example_of_each_column(importing: Importing, kind: str) -> None:
    answer = importing.client.get(f"{IMPORT}template.{kind}")
    filename = f"clips-template.{kind}"
    assert answer["Content-Disposition"] == f'attachment; filename="{filename}"'
    preview = importing.choose(b"".join(answer), filename)
    assert preview.counts == {"All": 1, "New": 1}
    assert "Ignored" not in preview.text
    preview.confirm()
    clip = Clip.objects.get()
    assert (clip.state, clip.tags, clip.licence) == ("draft", ["synth", "night drive"], "CC-BY-4.0")


def test_template_of_another_format_is_404(importing: Importing) -> None:
    assert importing.client.get(f"{IMPORT}template.xls").status_code == 404


def test_preview_of_many_rows_has_pages(importing: Importing) -> None:
    rows = "".join(f"A,jazz,{n % 2},https://example.com/{n}\n" for n in range(250))
    preview = importing.choose(
        "title,genre,duration,audio_url,titel\n" + rows.replace("\n", ",x\n")
    )
    assert preview.counts == {"All": 250, "Errors": 125, "New": 125}
    assert "Ignored, because clips have no such column: titel." in preview.text
    assert len(preview.rows) == 100
    assert "Page 1 of 2" in preview.text
    assert len(importing.look(f"{preview.url}?show=invalid&page=2").rows) == 25
    assert len(importing.look(f"{preview.url}?show=new&page=9").rows) == 25
    assert len(importing.look(f"{preview.url}?show=what&page=x&since=13").rows) == 100


def test_unreadable_file_is_refused_at_once(importing: Importing, client: Client) -> None:
    file = SimpleUploadedFile("clips.xlsx", b"PK\x03\x04rest")
    page = client.post(IMPORT, {"file": file, "state": "draft"}).text
    assert "This file is in the format of a spreadsheet program." in page
    assert not PendingImport.objects.exists()
    assert re.search(r"This field is required", unescape(client.post(IMPORT, {"state": "x"}).text))


def test_preview_names_the_clip_with_the_same_url(importing: Importing) -> None:
    known = make_clip(title="Known", audio_url=NEW_CLIP["audio_url"], audio_file="")
    preview = importing.choose(json.dumps([NEW_CLIP, {**NEW_CLIP, "audio_url": "https://b.test"}]))
    shown = importing.client.get(preview.url).content.decode()
    assert shown.count("same URL as <a") == 1
    assert f"/admin/library/clip/{known.pk}/change/" in shown
    importing.client.post(PROCESS, preview.fields)
    assert Duplicate.objects.get().clip_a == known


def test_preview_names_the_first_row_with_the_same_url(importing: Importing) -> None:
    other = {**NEW_CLIP, "audio_url": "https://example.com/other.mp3"}
    preview = importing.choose(json.dumps([other, NEW_CLIP, NEW_CLIP, other, NEW_CLIP]))
    shown = importing.client.get(preview.url).content.decode()
    assert "3 new clips would have the audio URL of an earlier row." in shown
    assert [shown.count(f"row {n} has the same URL") for n in range(1, 6)] == [1, 2, 0, 0, 0]
