"""Clips with the same audio: by URL, by bytes, by sound."""

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from typing import Any

import pytest
from django.test import Client, override_settings

from library.analyses import duplicates, same_audio
from library.models import AudioAnalysis, Clip, Duplicate, Landmark, State
from library.sound import engine
from library.sound.fingerprint import landmarks
from library.sound.rendition import Rendition
from tests.sound.temporary import temporary
from tests.support.analyses import SAMPLES, analysed, analysis_of, not_analysed
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


def test_dismissed_pair_stays_dismissed_beyond_the_limit_and_for_other_reasons() -> None:
    one, *others = (clip_of(sample("tech-house")) for _ in range(same_audio.MOST + 3))
    for clip in others:
        duplicates.find(clip.pk)
    last = others[-1]
    assert duplicates.dismiss(one.pk, last.pk) == 1
    Clip.objects.filter(pk__in=(one.pk, last.pk)).update(audio_url=URL, audio_file="")
    AudioAnalysis.objects.filter(clip__in=(one.pk, last.pk)).update(source=URL)
    for clip in (one, last, one):
        duplicates.find(clip.pk)
    pair = Duplicate.objects.filter(clip_a=one, clip_b=last)
    assert sorted(pair.values_list("kind", flat=True)) == ["bytes", "url"]
    assert not pair.filter(dismissed_at=None).exists()
    duplicates.forget([last.pk])
    duplicates.find(last.pk)
    assert (one.pk, "url") in found(last)


@pytest.mark.parametrize("kind", ["url", "bytes", "sound"])
def test_pairs_beyond_the_limit_are_kept(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(same_audio, "MOST", 2)
    if kind == "url":
        clips = [make_clip(audio_url=URL, audio_file="") for _ in range(6)]
    else:
        clips = [clip_of(sample("tech-house")) for _ in range(6)]
    if kind == "sound":
        for number, clip in enumerate(clips):
            AudioAnalysis.objects.filter(clip=clip).update(sha256=f"{number:064}")
    for clip in clips:
        duplicates.find(clip.pk)
    pairs = {*Duplicate.objects.values_list("clip_a", "clip_b", "kind")}
    for clip in clips:
        duplicates.find(clip.pk)
    assert pairs <= {*Duplicate.objects.values_list("clip_a", "clip_b", "kind")}
    assert {each_kind for *_, each_kind in pairs} == {kind}
    assert all(len(found(clip)) >= 2 for clip in clips)


def test_clip_shows_few_of_many_pairs() -> None:
    clips = [make_clip(audio_url=URL, audio_file="") for _ in range(30)]
    duplicates.note_same_urls(clips)
    assert Duplicate.objects.filter(clip_a=clips[0]).count() == 29
    assert found(clips[0]) == [(clip.pk, "url") for clip in clips[1 : same_audio.MOST + 1]]


def test_clip_that_became_undecodable_is_not_compared_by_its_sound() -> None:
    damaged = clip_of(sample("tech-house"))
    again = clip_of(encoded_again("tech-house"), "audio/ogg")
    for clip in (damaged, again):
        duplicates.find(clip.pk)
    assert found(again) == [(damaged.pk, "sound")]
    not_analysed(damaged, "no_audio_track")  # a worker that is killed now leaves its landmarks
    assert duplicates.find(again.pk) == []
    assert duplicates.find(damaged.pk) == []
    assert not Duplicate.objects.exists()
    assert {*Landmark.objects.values_list("clip", flat=True)} == {again.pk}


def test_undecodable_files_are_compared_by_their_bytes() -> None:
    known, new = make_clip(audio_file="samples/a.mp3"), make_clip(audio_file="samples/b.mp3")
    for clip in (known, new):
        not_analysed(clip, "no_audio_track")
        AudioAnalysis.objects.filter(clip=clip).update(sha256=sha256(b"damaged").hexdigest())
        duplicates.note_same_bytes(clip, sha256(b"damaged").hexdigest())
    assert found(new) == [(known.pk, "bytes")]
    duplicates.find(new.pk)
    duplicates.find(known.pk)
    assert found(new) == [(known.pk, "bytes")]


def test_new_source_has_no_landmarks() -> None:
    clip = clip_of(sample("tech-house"))
    duplicates.find(clip.pk)
    assert 0 < Landmark.objects.filter(clip=clip).count() <= duplicates.MOST_LANDMARKS
    duplicates.forget([clip.pk])
    assert not Landmark.objects.exists()


def test_landmarks_are_deleted_with_their_clip() -> None:
    clip = clip_of(sample("tech-house"))
    duplicates.find(clip.pk)
    clip.delete()
    assert not Landmark.objects.exists()


def test_sounds_are_found_by_rare_landmarks_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(same_audio, "COMMON", 4)
    monkeypatch.setattr(same_audio, "MOST_CANDIDATES", 1)
    marks = landmarks(analysis_of(sample("tech-house"), "audio/mpeg").fingerprint)
    common = [clip_of(sample("rain-sounds")) for _ in range(4)]
    Landmark.objects.bulk_create(
        Landmark(clip=clip, mark=mark) for clip in common for mark in marks[3:]
    )
    original, again = clip_of(sample("tech-house")), clip_of(sample("tech-house"))
    AudioAnalysis.objects.filter(clip=again).update(sha256="1" * 64)
    for clip in (original, again):
        duplicates.find(clip.pk)
    assert found(again) == [(original.pk, "sound")]


def test_upload_is_compared_by_its_bytes_at_once() -> None:
    known, new = clip_of(sample("tech-house")), make_clip()
    duplicates.note_same_bytes(new, sha256(sample("tech-house")).hexdigest())
    assert found(new) == [(known.pk, "bytes")]
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


def test_anonymous_clients_cannot_try_urls_that_are_not_public(client: Client) -> None:
    make_clip(audio_url=URL, audio_file="")
    key = {"Idempotency-Key": "once"}
    with override_settings(CLIPS_API_WRITES="open", CLIPS_PUBLISH="preview"):
        for _ in range(2):
            assert post(client, NEW, **key)["duplicates"] == []
        assert post(client, [NEW], f"{CLIPS}/bulk")[0]["duplicates"] == []
        assert post(client, NEW, **bearer(editor()))["duplicates"] != []
    with override_settings(CLIPS_API_WRITES="open"):
        assert post(client, NEW)["duplicates"] != []


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
    assert {len(others) for others in same.values()} == {same_audio.MOST}


def test_without_same_urls_one_statement_is_needed(
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    clips = [make_clip(audio_url=f"{URL}?{n}", audio_file="") for n in range(3)]
    with django_assert_num_queries(1):
        assert duplicates.note_same_urls(clips) == {}
    with django_assert_num_queries(0):
        assert duplicates.note_same_urls([]) == {}
