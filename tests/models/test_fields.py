"""Every declared field of a clip is carried by the API, the form, the history and files.

A field that is left out somewhere fails by its name. `test_new_field.py` adds fields and runs this.
"""

import csv
import io
import json
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import models
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from library import checks, history
from library.models import Clip
from library.models.fields import CLIP_FIELDS, ORDERED, ClipField, Writer
from tests.admin.exchange.steps import IMPORT, Importing
from tests.support.editors import bearer, chief, editor

CLIPS = "/api/v1/clips"
LIST = "/admin/library/clip/"
REQUIRED = {
    "title": "Other Clip",
    "genre": "jazz",
    "duration": 20.0,
    "audio_url": "https://example.com/other.mp3",
}


def column(field: ClipField) -> Any:
    return Clip._meta.get_field(field.name)


EDITED = [field for field in CLIP_FIELDS if field.writer is Writer.EDITORS]
# No file, no JSON and no cell can hold an upload: tests/admin/clips/test_form.py covers it.
WRITTEN = [field for field in EDITED if not isinstance(column(field), models.FileField)]
SHOWN = [field for field in WRITTEN if field.shown]
FILTERED = [field for field in SHOWN if field.filtered]


def each(fields: list[ClipField]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("field", fields, ids=lambda field: field.name)


def plain(value: Any) -> str:
    """Return a value as people type it, and as the history shows it."""
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value)


def form_data(field: ClipField) -> dict[str, str]:
    """Return the example as a browser sends it. A time has two inputs."""
    if isinstance(column(field), models.DateTimeField):
        return {f"{field.name}_{n}": text for n, text in enumerate(field.example[:19].split("T"))}
    return {field.name: plain(field.example)}


def parameters(field: ClipField) -> set[str]:
    """Return the names of the parameters that filter by the field."""
    if isinstance(column(field), ORDERED) and not column(field).choices:
        return {f"min_{field.name}", f"max_{field.name}"}
    return {"tag" if field.name == "tags" else field.name}


def has_example(field: ClipField) -> bool:
    """Return whether the only clip has the example. The example is JSON, so it has no dates."""
    saved = getattr(Clip.objects.get(), field.name)
    return bool(saved == column(field).to_python(field.example))


@pytest.fixture
def other(db: None) -> Clip:
    """A clip without the examples, so that each of them changes it."""
    return Clip.objects.create(**REQUIRED)


@pytest.fixture
def example(field: ClipField, other: Clip) -> Clip:
    """A clip with the field's example, beside the other one."""
    return Clip.objects.create(**REQUIRED | {field.name: field.example})


@pytest.fixture
def api(db: None) -> dict[str, Any]:
    """Options of a request that sends an editor's JSON."""
    return {"content_type": "application/json", "headers": bearer(editor())}


@pytest.fixture
def back_office(client: Client, db: None) -> Client:
    client.force_login(chief())
    return client


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    schema: dict[str, Any] = generator.get_schema(public=True)  # type: ignore[no-untyped-call]
    return schema


def test_every_column_is_declared_once() -> None:
    names = [field.name for field in CLIP_FIELDS]
    assert sorted(names) == sorted(field.name for field in Clip._meta.concrete_fields)


def test_check_names_a_column_without_a_declaration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "CLIP_FIELDS", [f for f in CLIP_FIELDS if f.name != "genre"])
    (error,) = checks.check_every_column_is_declared(None)
    assert error.msg == "Clip.genre is not declared."


@each(SHOWN)
def test_api_shows_the_field(client: Client, field: ClipField, example: Clip) -> None:
    assert client.get(f"{CLIPS}/{example.pk}").json()[field.name] == field.example
    chosen = client.get(f"{CLIPS}/{example.pk}?fields={field.name}").json()
    assert chosen == {field.name: field.example}


def test_api_hides_fields_that_are_not_declared_as_shown(client: Client, other: Clip) -> None:
    hidden = {field.name for field in CLIP_FIELDS if not field.shown}
    assert hidden.isdisjoint(client.get(f"{CLIPS}/{other.pk}").json())


@each(FILTERED)
def test_list_filters_by_the_field(client: Client, field: ClipField, example: Clip) -> None:
    query = dict.fromkeys(parameters(field), field.example)
    assert [clip["id"] for clip in client.get(CLIPS, query).json()] == [example.pk]


@each(SHOWN)
def test_post_writes_the_field(client: Client, api: dict[str, Any], field: ClipField) -> None:
    answer = client.post(CLIPS, REQUIRED | {field.name: field.example}, **api)
    assert (answer.status_code, answer.json()[field.name]) == (201, field.example)
    assert has_example(field)


@each(SHOWN)
def test_patch_writes_the_field(
    client: Client, api: dict[str, Any], field: ClipField, other: Clip
) -> None:
    answer = client.patch(f"{CLIPS}/{other.pk}", {field.name: field.example}, **api)
    assert (answer.status_code, answer.json()[field.name]) == (200, field.example)
    assert has_example(field)


@each(EDITED)
def test_form_has_the_field(back_office: Client, field: ClipField) -> None:
    page = back_office.get(f"{LIST}add/").text
    assert re.search(f'name="{field.name}(_0)?"', page)  # a time has two inputs


@each(WRITTEN)
def test_form_writes_the_field_and_the_history_notes_it(
    back_office: Client, field: ClipField, other: Clip
) -> None:
    form = REQUIRED | {"tags": "", "description": ""} | form_data(field)
    answer = back_office.post(f"{LIST}{other.pk}/change/", form)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert has_example(field)
    old, new = getattr(other, field.name), getattr(Clip.objects.get(), field.name)
    entry = history.changed_values(LogEntry.objects.get())
    assert entry == [(history.label(field.name), plain(old), plain(new))]


@each(WRITTEN)
def test_import_writes_the_field(back_office: Client, field: ClipField, other: Clip) -> None:
    file = io.StringIO()
    csv.writer(file).writerows([("id", field.name), (other.pk, plain(field.example))])
    preview = Importing(back_office).choose(file.getvalue())
    assert preview.counts == {"All": 1, "Changed": 1}, preview.text
    preview.confirm()
    assert has_example(field)


@each(WRITTEN)
def test_import_reads_the_field_from_json(
    back_office: Client, field: ClipField, other: Clip
) -> None:
    rows = json.dumps([{"id": other.pk, field.name: field.example}])
    Importing(back_office).choose(rows, "clips.json").confirm()
    assert has_example(field)


@each(WRITTEN)
def test_export_has_the_field(back_office: Client, field: ClipField, example: Clip) -> None:
    answer = back_office.post(f"{LIST}export/", {"format": "json"})
    exported = {clip["id"]: clip for clip in json.loads(b"".join(answer))}
    assert exported[example.pk][field.name] == field.example


@each(WRITTEN)
def test_import_template_has_the_field(back_office: Client, field: ClipField) -> None:
    (row,) = json.loads(b"".join(back_office.get(f"{IMPORT}template.json")))
    assert row[field.name] == field.example
    assert f"<dt>{field.name}</dt>" in back_office.get(IMPORT).text


@each(SHOWN)
def test_openapi_describes_the_field_with_an_example(
    schemas: dict[str, Any], field: ClipField
) -> None:
    for name in ("Clip", "ClipRequest", "PatchedClipRequest"):
        assert field.name in schemas["components"]["schemas"][name]["properties"]
    shown = schemas["paths"]["/api/v1/clips/{id}"]["get"]["responses"]["200"]["content"]
    (shown_example,) = shown["application/json"]["examples"].values()
    assert field.example is not None
    assert shown_example["value"][field.name] == field.example


@each(FILTERED)
def test_openapi_describes_the_filter(schemas: dict[str, Any], field: ClipField) -> None:
    names = {each["name"] for each in schemas["paths"][CLIPS]["get"]["parameters"]}
    assert parameters(field) <= names
