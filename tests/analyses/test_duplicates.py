"""Clips with the same audio: by URL, by bytes, by sound."""

from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any

import pytest
from django.test import Client, override_settings

from library.analyses import duplicates
from library.models import AudioAnalysis, Clip, Duplicate, State
from library.sound import engine
from library.sound.rendition import Rendition
from tests.sound.temporary import temporary
from tests.support.analyses import SAMPLES, analysed
from tests.support.editors import bearer, editor
from tests.support.recipes import make_clip

pytestmark = pytest.mark.django_db

URL = "https://example.com/a.mp3"
NEW = {"title": "N", "genre": "g", "duration": 2, "audio_url": URL}
CLIPS = "/api/v1/clips"


@cache
def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.mp3").read_bytes()


@cache
def encoded_again(name: str) -> bytes:
    rendition = Rendition("opus", "low", start=2.5, target=-18.0)
    with temporary(sample(name)) as audio, temporary() as output:
        engine.render(audio, "audio/mpeg", rendition, output)
        output.seek(0)
        return output.read()


def clip_of(audio: bytes, content_type: str = "audio/mpeg", **fields: Any) -> Clip:
    clip = make_clip(audio_file=f"samples/{Clip.objects.count()}.mp3", **fields)
    analysed(clip, audio, content_type)
    return clip


def found(clip: Clip) -> list[tuple[int, str]]:
    return [(each.id, each.kind) for each in duplicates.of_clips([clip.pk]).get(clip.pk, [])]


def test_same_bytes_and_the_same_sound_are_found_after_the_analysis() -> None:
    original, same = clip_of(sample("tech-house")), clip_of(sample("tech-house"))
    other = clip_of(sample("rain-sounds"))
    again = clip_of(encoded_again("tech-house"), "audio/ogg")
    for clip in (original, same, other, again):
        duplicates.find(clip.pk)
    assert found(original) == [(same.pk, "bytes"), (again.pk, "sound")]
    assert found(same) == [(original.pk, "bytes"), (again.pk, "sound")]
    assert found(again) == [(original.pk, "sound"), (same.pk, "sound")]
    assert found(other) == []
    assert all(0.75 <= pair.score <= 1 for pair in Duplicate.objects.all())
    for clip in (again, original):  # finding them again changes nothing
        duplicates.find(clip.pk)
    assert Duplicate.objects.count() == 3
    Clip.objects.filter(pk=again.pk).mark_deleted()
    assert found(original) == [(same.pk, "bytes")]


def test_pairs_that_no_longer_hold_are_removed() -> None:
    one, other = clip_of(sample("tech-house")), clip_of(sample("tech-house"))
    duplicates.find(other.pk)
    assert found(one) == [(other.pk, "bytes")]
    analysed(other, sample("rain-sounds"))
    duplicates.find(other.pk)
    assert not Duplicate.objects.exists()


def test_outdated_analysis_is_not_compared() -> None:
    one, other = clip_of(sample("tech-house")), clip_of(sample("tech-house"))
    AudioAnalysis.objects.filter(clip=one).update(source="https://example.com/before.mp3")
    assert duplicates.find(other.pk) == []
    assert duplicates.find(one.pk) == []


def test_dismissed_pair_stays_dismissed() -> None:
    one, other = clip_of(sample("tech-house")), clip_of(sample("tech-house"))
    duplicates.find(one.pk)
    assert duplicates.dismiss(other.pk, one.pk) == 1
    duplicates.find(other.pk)
    assert (found(one), found(other)) == ([], [])
    assert not Clip.objects.filter(duplicates.has_duplicates()).exists()


def test_upload_is_compared_by_its_bytes_at_once() -> None:
    known, new = clip_of(sample("tech-house")), make_clip()
    file = BytesIO(sample("tech-house"))
    duplicates.note_same_bytes(new, file)
    assert found(new) == [(known.pk, "bytes")]
    assert file.tell() == 0
    assert set(Clip.objects.filter(duplicates.has_duplicates())) == {known, new}


def post(client: Client, body: Any, path: str = CLIPS, **headers: str) -> Any:
    response = client.post(path, body, content_type="application/json", headers=headers)
    assert response.status_code == 201, response.content
    return response.json()


def test_new_clip_names_those_with_its_url(client: Client) -> None:
    token = bearer(editor())
    first = post(client, NEW, **token)
    assert first["duplicates"] == []
    second = post(client, NEW, **token)
    assert second["duplicates"] == [{"id": first["id"], "kind": "url", "score": 1.0}]
    assert "duplicates" not in client.get(f"{CLIPS}/{second['id']}").json()
    body = [NEW, {**NEW, "audio_url": "https://example.com/b.mp3"}]
    third, fourth = post(client, body, f"{CLIPS}/bulk", **token)
    assert {each["id"] for each in third["duplicates"]} == {first["id"], second["id"]}
    assert fourth["duplicates"] == []
    Clip.objects.all().mark_deleted()
    assert post(client, NEW, **token)["duplicates"] == []


def test_repeated_request_names_what_is_known_by_now(client: Client) -> None:
    headers = bearer(editor()) | {"Idempotency-Key": "once"}
    added = post(client, NEW, **headers)
    assert added["duplicates"] == []
    later = post(client, NEW, **bearer(editor("other")))
    repeated = post(client, NEW, **headers)
    assert repeated["duplicates"] == [{"id": later["id"], "kind": "url", "score": 1.0}]


def test_anonymous_clients_learn_of_no_drafts(client: Client) -> None:
    make_clip(audio_url=URL, state=State.DRAFT, audio_file="")
    with override_settings(CLIPS_API_WRITES="open"):
        assert post(client, NEW)["duplicates"] == []
    assert len(post(client, NEW, **bearer(editor()))["duplicates"]) == 2


def test_changed_url_has_other_duplicates(client: Client) -> None:
    token = bearer(editor())
    one, other = post(client, NEW, **token), post(client, NEW, **token)
    assert Duplicate.objects.count() == 1
    client.patch(
        f"{CLIPS}/{other['id']}",
        {"audio_url": "https://example.com/b.mp3"},
        content_type="application/json",
        headers=token,
    )
    assert not Duplicate.objects.exists()
    client.patch(
        f"{CLIPS}/{other['id']}", {"audio_url": URL}, content_type="application/json", headers=token
    )
    assert found(Clip(pk=one["id"])) == [(other["id"], "url")]


def test_clips_of_one_url_make_few_pairs() -> None:
    clips = [make_clip(audio_url=URL, audio_file="") for _ in range(30)]
    same = duplicates.note_same_urls(clips)
    assert {len(others) for others in same.values()} == {duplicates.MOST}


def test_without_same_urls_one_statement_is_needed(
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    clips = [make_clip(audio_url=f"{URL}?{n}", audio_file="") for n in range(3)]
    with django_assert_num_queries(1):
        assert duplicates.note_same_urls(clips) == {}
    with django_assert_num_queries(0):
        assert duplicates.note_same_urls([]) == {}
