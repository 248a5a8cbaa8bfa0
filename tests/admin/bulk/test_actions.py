"""Actions of the list and buttons of a clip's page: states, deletion, and bulk edits."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db.models import F
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from library import history
from library.models import Clip, State
from library.models.tag import MAX_TAGS, edited_tags, with_edited_tags
from tests.support.changelist import act, messages_in
from tests.support.editors import chief

LIST = "/admin/library/clip/"
SOURCE = "https://example.com/a.mp3"
pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client: Client) -> Client:
    """A client logged in as an editor with all permissions on clips."""
    client.force_login(chief())
    return client


def add(title: str = "Rain", **fields: Any) -> Clip:
    return Clip.objects.create(
        **{"title": title, "genre": "nature", "duration": 5, "audio_url": SOURCE, **fields}
    )


def logged() -> list[tuple[str, list[tuple[str, str, str]]]]:
    """The log entries, oldest first: each as text, and its values."""
    entries = LogEntry.objects.order_by("id")
    return [(str(entry), history.changed_values(entry)) for entry in entries]


def test_publishing_reports_how_many_clips_changed(client: Client) -> None:
    clips = [add("Draft", state="draft"), add("Shown"), add("Gone", state="withdrawn")]
    Clip.objects.filter(title="Gone").update(withdrawn_reason="By mistake.")
    assert messages_in(act(client, "publish", clips)) == ["2 clips published; 1 already was."]
    assert not Clip.objects.exclude(state=State.PUBLISHED).exists()
    assert logged() == [
        ("Changed “Draft” — Changed state.", [("state", "draft", "published")]),
        (
            "Changed “Gone” — Changed state and withdrawn reason.",
            [("state", "withdrawn", "published"), ("withdrawn reason", "By mistake.", "")],
        ),
    ]


def test_publishing_from_the_list_of_drafts_counts_the_clips(client: Client) -> None:
    clips = [add(state="draft"), add(state="draft")]
    assert messages_in(act(client, "publish", clips, "?state=draft")) == ["2 clips published."]


def test_unchanged_clips_are_not_logged(client: Client) -> None:
    clip = add()
    assert messages_in(act(client, "publish", [clip])) == ["0 clips published; 1 already was."]
    assert messages_in(act(client, "make_draft", [clip]))[-1:] == ["1 clip changed to draft."]
    assert len(logged()) == 1


def test_withdrawing_asks_for_the_reason(client: Client) -> None:
    clips = [add("One"), add("Two")]
    page = act(client, "withdraw", clips).text
    assert "Withdraw 2 clips" in page
    assert "Anyone requesting it sees the reason" in page
    assert "This field is required." in act(client, "withdraw", clips, post="yes", reason=" ").text
    assert Clip.objects.available().count() == 2
    act(client, "withdraw", clips, post="yes", reason="Its creator asked us to.")
    assert client.get(f"/api/v1/clips/{clips[0].pk}").json()["detail"] == (
        "This clip was withdrawn: Its creator asked us to."
    )


def test_action_on_all_applies_to_all_clips_of_the_filtered_list(client: Client) -> None:
    for n in range(60):
        add(genre="jazz" if n % 2 else "dub")
    first = Clip.objects.filter(genre="jazz")[0]
    everything = {"select_across": 1}
    answer = act(client, "make_draft", [first], "?genre=jazz", **everything)
    assert messages_in(answer) == ["30 clips changed to draft."]
    assert not Clip.objects.filter(genre="dub", state=State.DRAFT).exists()
    page = act(client, "delete_selected", [first], "?genre=jazz", **everything).text
    assert "Delete 30 clips" in page
    assert "and 20 more" in page
    assert page.count("_selected_action") == 1  # not one field per clip
    act(client, "delete_selected", [first], "?genre=jazz", post="yes", **everything)
    assert Clip.objects.not_deleted().count() == 30


def test_deletion_and_restoration_are_logged(client: Client) -> None:
    clips = [add("One"), add("Two")]
    answer = act(client, "delete_selected", clips, post="yes")
    assert messages_in(answer) == ["2 clips deleted."]
    assert messages_in(act(client, "restore", clips[:1], "?deleted=yes"))[-1:] == [
        "1 clip restored."
    ]
    words = [word for word, _ in logged()]
    assert words == ["Deleted “One.”", "Deleted “Two.”", "Changed “One” — Changed deleted at."]


def test_deleted_clips_can_only_be_restored(client: Client) -> None:
    clip = add(deleted_at=timezone.now(), state="draft")
    assert messages_in(act(client, "publish", [clip], "?deleted=yes")) == ["No action selected."]
    assert messages_in(act(client, "restore", [clip]))[-1:] == ["No action selected."]
    assert "Save and publish" not in client.get(f"{LIST}{clip.pk}/change/").text


def test_selection_that_is_no_number_is_refused(client: Client) -> None:
    form = {"action": "publish", "_selected_action": ["1", "x"]}
    answer = client.post(LIST, form)
    assert messages_in(answer) == [
        "Nothing was changed: the selection is invalid. Select the clips again."
    ]


def test_clip_is_saved_and_published_on_its_page(client: Client) -> None:
    clip = add(state="draft")
    page = f"{LIST}{clip.pk}/change/"
    text = client.get(page).text
    assert "Save and publish" in text
    assert "Save as draft" not in text
    form = {"title": "Better", "description": "", "genre": "nature", "duration": "5"}
    form |= {"audio_url": SOURCE, "library_clip_save_and_publish": "1"}
    answer = client.post(page, form)
    assert messages_in(answer)[0] == "1 clip published."
    clip.refresh_from_db()
    assert (clip.title, clip.state) == ("Better", "published")
    assert [word for word, _ in logged()] == [
        "Changed “Better” — Changed state.",
        "Changed “Better” — Changed title.",
    ]


def test_clip_is_withdrawn_on_its_page(client: Client) -> None:
    clip = add()
    page = f"{LIST}{clip.pk}/withdraw/"
    assert page in client.get(f"{LIST}{clip.pk}/change/").text
    assert "Withdraw “Rain”" in client.get(page).text
    assert "This field is required." in client.post(page, {"reason": ""}).text
    client.post(page, {"reason": "By mistake."})
    clip.refresh_from_db()
    assert (clip.state, clip.withdrawn_reason) == ("withdrawn", "By mistake.")
    assert client.get(f"{LIST}x/withdraw/").status_code == 302


def test_changing_many_clips_takes_a_constant_number_of_queries(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    clips = [add(state="draft") for _ in range(30)]
    with django_assert_max_num_queries(14):
        act(client, "publish", clips)


EMPTY = {
    **dict.fromkeys(("genre", "add_tags", "remove_tags", "replace_tags"), ""),
    **dict.fromkeys(("licence", "creator", "creator_url"), ""),
}


@pytest.fixture
def edit(client: Client) -> Callable[..., Any]:
    def post(clips: list[Clip], step: str = "preview", **form: Any) -> Any:
        return act(client, "bulk_edit", clips, step=step, **{**EMPTY, **form})

    return post


def test_edit_is_previewed_before_it_is_applied(edit: Callable[..., Any]) -> None:
    clips = [add("One", tags=["rain"], creator="Ann", creator_url="https://ann.example/")]
    clips += [add("Two", tags=["warm"], genre="house")]
    form = {"genre": "house", "add_tags": "Warm,  late NIGHT", "remove_tags": "rain"}
    form |= {"creator": "Bob", "licence": "CC0-1.0"}
    page = edit(clips, **form)
    assert [(clip.title, values) for clip, values in page.context["preview"].rows] == [
        (
            "One",
            [
                ("genre", "nature", "house"),
                ("tags", "rain", "warm, late night"),
                ("creator", "Ann", "Bob"),
                ("creator URL", "https://ann.example/", ""),
                ("licence", "", "CC0-1.0"),
            ],
        ),
        (
            "Two",
            [
                ("tags", "warm", "warm, late night"),
                ("creator", "", "Bob"),
                ("licence", "", "CC0-1.0"),
            ],
        ),
    ]
    assert logged() == []
    Clip.objects.update(play_count=F("play_count") + 1)  # a play after the preview
    answer = edit(clips, "apply", version=page.context["version"], **form)
    (message,) = messages_in(answer)
    assert message == (
        "2 clips changed: genre: house; licence: CC0 1.0; creator: Bob; no creator URL;"
        " add tag: warm; add tag: late night; remove tag: rain."
    )
    for clip in clips:
        clip.refresh_from_db()
        assert (clip.genre, clip.tags, clip.creator) == ("house", ["warm", "late night"], "Bob")
        assert (clip.licence, clip.creator_url, clip.play_count) == ("CC0-1.0", None, 1)
    assert logged()[1][1] == [
        ("tags", "warm", "warm, late night"),
        ("creator", "", "Bob"),
        ("licence", "", "CC0-1.0"),
    ]


def test_tags_and_creators_are_removed_together(edit: Callable[..., Any]) -> None:
    clips = [add(tags=["rain"], creator="Ann", licence="MIT"), add()]
    untouched = clips[1].updated_at
    form = {"no_tags": "on", "no_creator": "on", "licence": "none"}
    page = edit(clips, **form)
    assert "1 of 2 will change; the others already have these values." in " ".join(
        page.text.split()
    )
    edit(clips, "apply", version=page.context["version"], **form)
    for clip in clips:
        clip.refresh_from_db()
        assert (clip.tags, clip.creator, clip.licence) == ([], None, None)
    assert clips[1].updated_at == untouched
    assert len(logged()) == 1


def test_preview_names_clips_that_would_have_too_many_tags(edit: Callable[..., Any]) -> None:
    full = [str(n) for n in range(MAX_TAGS)]
    clips = [add("Full", tags=full), add("Same", tags=[*full[1:], "warm"]), add("Free")]
    page = edit(clips, add_tags="warm")
    assert [clip.title for clip in page.context["preview"].too_many_rows] == ["Full"]
    assert f"Full</a> (#{clips[0].pk}): 21 tags" in page.text
    edit(clips, "apply", version=page.context["version"], add_tags="warm")
    assert not Clip.objects.filter(title="Free", tags__contains=["warm"]).exists()


def test_edit_of_clips_changed_since_the_preview_is_previewed_again(
    edit: Callable[..., Any],
) -> None:
    clips = [add("One"), add("Two")]
    version = edit(clips, genre="house").context["version"]
    clips[0].genre = "dub"
    clips[0].save()
    page = edit(clips, "apply", version=version, genre="house")
    assert messages_in(page) == [
        "These clips have changed since the preview. Check the new preview."
    ]
    assert page.context["preview"].rows[0][1] == [("genre", "dub", "house")]
    assert not Clip.objects.filter(genre="house").exists()


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({}, "Nothing to change: every field is empty."),
        ({"genre": "x" * 65}, "at most 64 characters"),
        ({"add_tags": "x" * 41}, "a tag has at most 40 characters"),
        ({"add_tags": ",".join(str(n) for n in range(21))}, "at most 20 tags"),
        ({"add_tags": "a, b", "remove_tags": "B"}, "Already in “Add tags”: b."),
        ({"add_tags": "a", "replace_tags": "b"}, "or replace all tags, or remove all tags."),
        ({"no_tags": "on", "replace_tags": "b"}, "or replace all tags, or remove all tags."),
        ({"licence": "Mine"}, "Select a valid choice."),
        ({"creator_url": "https://ann.example/"}, "Enter the name of the creator as well."),
        ({"creator": "Ann", "creator_url": "ftp://x.example/"}, "begins with http:// or https://"),
        ({"creator": "Ann", "no_creator": "on"}, "Enter a creator or remove it, not both."),
    ],
)
def test_invalid_edit_is_refused(
    edit: Callable[..., Any], form: dict[str, str], sentence: str
) -> None:
    page = edit([add()], **form)
    assert page.context["preview"] is None
    errors = page.context["form"].errors.as_text()
    assert sentence in errors


@pytest.mark.parametrize(
    ("tags", "add_tags", "remove"),
    [
        ([], ["a", "b"], []),
        (["b", "a"], ["a", "c"], []),
        (["b", "a", "c"], [], ["a", "x"]),
        (["b", "a"], ["c"], ["b", "a"]),
        (["it's", "a b"], ['"quoted"', "{x}", "\\"], ["a b"]),
        ([], [], ["a"]),
    ],
)
def test_database_edits_tags_as_the_preview_does(
    tags: list[str], add_tags: list[str], remove: list[str]
) -> None:
    clip = add(tags=tags)
    Clip.objects.update(tags=with_edited_tags(add_tags, remove))
    clip.refresh_from_db()
    assert clip.tags == edited_tags(tags, add_tags, remove)
