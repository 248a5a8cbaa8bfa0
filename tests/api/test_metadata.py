"""Tags, credits, licences and ISRCs: several spellings are accepted and stored as one."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client

from library.licences import LICENCES, UnknownLicenceError, find_licence
from library.models import Clip, Health
from tests.support.field_errors import faulty

Ask = Callable[..., requests.Response]
NEW = {
    "title": "New Clip",
    "genre": "electronic",
    "duration": 30.5,
    "audio_url": "https://example.com/path/to/audio.mp3",
}


def add(http: Ask, **fields: Any) -> requests.Response:
    return http("POST", "/api/v1/clips", json={**NEW, **fields})


def test_spellings_of_an_isrc_are_stored_and_found_as_one(http: Ask) -> None:
    assert add(http, isrc="isrc us-s1z-99-00001").json()["isrc"] == "USS1Z9900001"
    add(http)
    for spelling in ("USS1Z9900001", "us-s1z-99-00001"):
        found = http("GET", f"/api/v1/clips?isrc={spelling}").json()
        assert [clip["isrc"] for clip in found] == ["USS1Z9900001"]


def test_clip_without_credits_has_none(http: Ask) -> None:
    made = add(http).json()
    assert (made["tags"], made["health"]) == (
        [],
        {"status": "unchecked", "reason": None, "since": None},
    )
    for field in ("creator", "creator_url", "licence", "licence_url", "attribution", "isrc"):
        assert made[field] is None
    assert (made["content_type"], made["size_bytes"]) == (None, None)


def test_credits_include_a_credit_line(http: Ask) -> None:
    made = add(http, creator=" Ann ", creator_url="https://example.com/ann", licence="cc by 4.0")
    shown = made.json()
    assert (shown["creator"], shown["licence"]) == ("Ann", "CC-BY-4.0")
    assert shown["licence_url"] == "https://creativecommons.org/licenses/by/4.0/"
    assert shown["attribution"] == (
        "“New Clip” by Ann, CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)"
    )


def test_tags_are_normalised_without_duplicates(http: Ask) -> None:
    tags = ["Rain", " RAIN ", "field \t recording", "e\u0301te\u0301", "ÉTÉ"]
    assert add(http, tags=tags).json()["tags"] == ["rain", "field recording", "été"]


@pytest.mark.parametrize(
    ("field", "value", "explanation"),
    [
        ("tags", "rain", "list of strings"),
        ("tags", [1], "list of strings"),
        ("tags", ["rain", None], "list of strings"),
        ("tags", None, "may not be null"),
        ("tags", ["rain", "  "], "needs at least one letter"),
        ("tags", ["x" * 41], "at most 40 characters"),
        ("tags", ["a,b"], "cannot contain commas"),
        ("tags", ["a\0b"], "Control characters"),
        ("tags", [str(n) for n in range(21)], "at most 20 tags"),
        ("creator", "", "Send null"),
        ("creator", "x" * 201, "no more than 200"),
        ("creator_url", "javascript:alert(1)", "begins with http"),
        ("creator_url", "ftp://example.com/", "begins with http"),
        ("licence", "WTFPL", "CC-BY-4.0"),
        ("licence", "https://creativecommons.org/licenses/by/9.9/", "creativecommons.org URL"),
        ("licence", 4, "a string"),
        ("licence", "", "Send null"),
        ("isrc", "US-S1Z-99-0001", "not 11"),
        ("isrc", "US-S1Z-9X-00001", "The year must be two digits"),
        ("isrc", "", "Send null"),
    ],
)
def test_invalid_metadata_is_400_with_an_explanation(
    http: Ask, field: str, value: Any, explanation: str
) -> None:
    response = add(http, **{field: value})
    assert (response.status_code, faulty(response)) == (400, [field])
    assert explanation in " ".join(response.json()[field])


def test_results_of_checks_cannot_be_written(http: Ask) -> None:
    results = {"content_type": "a/b", "size_bytes": 5, "health": "ok", "attribution": "me"}
    response = add(http, **results)
    assert (response.status_code, faulty(response)) == (400, list(results))


def test_shown_clip_can_be_posted_again_without_the_fields_that_cannot_be_set(http: Ask) -> None:
    made = add(http, tags=["a"], licence="CC0-1.0").json()
    refused = faulty(add(http, **made))
    again = add(http, **{name: made[name] for name in made if name not in refused}).json()
    differing = {field for field in made if again[field] != made[field]}
    assert differing == {
        *("id", "stream_url", "page_url", "created_at", "updated_at", "duplicates")
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CC-BY-4.0", "CC-BY-4.0"),
        (" cc-by-nc-sa-3.0 ", "CC-BY-NC-SA-3.0"),
        ("CC BY-ND 2.5", "CC-BY-ND-2.5"),
        ("CC0", "CC0-1.0"),
        ("cc0 1.0", "CC0-1.0"),
        ("mit", "MIT"),
        ("https://creativecommons.org/licenses/by/4.0/", "CC-BY-4.0"),
        ("http://www.creativecommons.org/licenses/by-sa/4.0", "CC-BY-SA-4.0"),
        ("HTTPS://CreativeCommons.org/licenses/by/4.0/legalcode.en", "CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by-nc-nd/2.0/deed.pt_BR", "CC-BY-NC-ND-2.0"),
        ("https://creativecommons.org/licenses/by-nd-nc/1.0/", "CC-BY-NC-ND-1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "CC-PDM-1.0"),
    ],
)
def test_licence_is_found_by_each_of_its_names(text: str, expected: str) -> None:
    assert find_licence(text).id == expected


@pytest.mark.parametrize("text", ["", "CC-BY", "GPL-3.0", "https://example.com/by/4.0/", "4.0"])
def test_unknown_licence_is_refused(text: str) -> None:
    with pytest.raises(UnknownLicenceError):
        find_licence(text)


def test_licence_is_found_by_its_identifier_and_url() -> None:
    for licence in LICENCES.values():
        assert find_licence(licence.id) is find_licence(licence.url) is licence


def test_samples_have_credits_and_sizes(transactional_db: None, client: Client) -> None:
    call_command("loaddata", "clips", verbosity=0)
    samples = client.get("/api/v1/clips").json()
    assert {clip["licence"] for clip in samples} == {"MIT"}
    assert all(clip["tags"] and clip["creator"] for clip in samples)
    assert [clip["size_bytes"] for clip in samples] == [
        clip.audio_file.size for clip in Clip.objects.all()
    ]


FORM = {"title": "Rain", "genre": "nature", "duration": "28", "tags": "Rain,  night ,rain"}


def test_form_saves_tags_and_credits_of_an_upload(admin_client: Client, mp3: bytes) -> None:
    upload = SimpleUploadedFile("rain.mp3", mp3)
    form = {**FORM, "audio_file": upload, "creator": "Ann", "licence": "CC-BY-4.0"}
    admin_client.post("/admin/library/clip/add/", form)
    clip = Clip.objects.get()
    assert (clip.tags, clip.creator, clip.creator_url) == (["rain", "night"], "Ann", None)
    assert (clip.content_type, clip.size_bytes) == ("audio/mpeg", len(mp3))


def test_form_accepts_an_isrc_with_hyphens(admin_client: Client) -> None:
    form = {**FORM, "audio_url": "https://example.com/a.mp3", "isrc": "us-s1z-99-00001"}
    admin_client.post("/admin/library/clip/add/", form)
    assert Clip.objects.get().isrc == "USS1Z9900001"


def test_replaced_audio_resets_the_results_of_checks(
    admin_client: Client, make_clip: Callable[..., Clip]
) -> None:
    clip = make_clip(content_type="audio/mpeg", size_bytes=5, health=Health.FAILING)
    form = {**FORM, "audio_file-clear": "on", "audio_url": "https://example.com/a.mp3"}
    admin_client.post(f"/admin/library/clip/{clip.pk}/change/", form)
    clip.refresh_from_db()
    assert (clip.content_type, clip.size_bytes, clip.health) == (None, None, Health.UNCHECKED)


def test_listening_page_shows_credits(client: Client, make_clip: Callable[..., Clip]) -> None:
    make_clip(creator="<b>Ann</b>", creator_url="https://example.com/ann", licence="CC-BY-4.0")
    page = client.get("/").text
    assert "&lt;b&gt;Ann&lt;/b&gt;</a>" in page
    assert 'href="https://creativecommons.org/licenses/by/4.0/" rel="license noopener"' in page
